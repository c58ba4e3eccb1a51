# The manual, for Sphinx: 'make docs' for HTML, 'make check-docs' to see that
# it has no broken reference.

doc_source = \
	Documentation/conf.py \
	Documentation/index.rst \
	Documentation/intro/building.rst \
	Documentation/intro/what.rst \
	Documentation/topics/architecture.rst \
	Documentation/topics/benchmarks.rst \
	Documentation/topics/classification.rst \
	Documentation/topics/cache.rst \
	Documentation/topics/ovn.rst \
	Documentation/topics/rings.rst \
	Documentation/topics/seams.rst \
	Documentation/topics/testing.rst \
	Documentation/tutorials/rings.rst \
	Documentation/tutorials/vnic.rst
EXTRA_DIST += $(doc_source)

.PHONY: docs check-docs
docs check-docs:
	@if test "$(SPHINX_BUILD)" = :; then \
	    echo "sphinx-build is missing; install python3-sphinx" >&2; exit 1; \
	fi
	$(SPHINX_BUILD) -W --keep-going -q -b html -d Documentation/doctrees \
		$(srcdir)/Documentation Documentation/html
CLEAN_LOCAL += clean-docs
clean-docs:
	rm -rf Documentation/html Documentation/doctrees
