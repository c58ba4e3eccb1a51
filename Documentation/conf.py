# SPDX-License-Identifier: Apache-2.0
"""Sphinx configuration of the manual."""

project = "ovs-vnic"
copyright = "The ovs-vnic developers"
master_doc = "index"
exclude_patterns = ["html", "doctrees"]
html_theme = "alabaster"
html_show_sourcelink = False
