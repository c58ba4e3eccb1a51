# SPDX-License-Identifier: Apache-2.0
"""Bar charts as SVG, so that a plot needs no library."""

import html

WIDTH, LABELS, VALUES = 800, 190, 190
BAR, GAP = 16, 14
COLOURS = ("#4878a8", "#e08214", "#8ab17d", "#999999")


def text(x, y, content, anchor="start", size=12, weight="normal"):
    return ('<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d" '
            'font-weight="%s">%s</text>'
            % (x, y, anchor, size, weight, html.escape(content)))


def line(x1, y1, x2, y2, style="stroke:#333"):
    return ('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" style="%s"/>'
            % (x1, y1, x2, y2, style))


def bar(y, name, colour, values, scale, unit):
    """'values' are low, middle and high; the bar ends at the middle one."""
    low, middle, high = values
    centre = y + BAR / 2
    yield ('<rect x="%d" y="%.1f" width="%.1f" height="%d" fill="%s"/>'
           % (LABELS, y, middle * scale, BAR - 2, colour))
    yield line(LABELS + low * scale, centre, LABELS + high * scale, centre)
    for end in low, high:
        x = LABELS + end * scale
        yield line(x, centre - 3, x, centre + 3)
    yield text(LABELS + high * scale + 6, centre + 4,
               "%.3g %s  %s" % (middle, unit, name), size=11)


def panel(y, title, groups, goal, unit):
    """Returns (elements, height).  'groups' is a list of (label, [(name,
    series, (low, middle, high))])."""
    most = max([bars[2][2] for _, group in groups for bars in group]
               + ([goal] if goal else []))
    scale = (WIDTH - LABELS - VALUES) / (most or 1)
    out = [text(10, y + 16, title, size=14, weight="bold")]
    start = y = y + 32
    for label, group in groups:
        out.append(text(LABELS - 8, y + 12, label, "end"))
        for name, series, values in group:
            out += bar(y, name, COLOURS[series], values, scale, unit)
            y += BAR
        y += GAP
    out.append(line(LABELS, start - 4, LABELS, y - GAP + 4))
    if goal:
        x = LABELS + goal * scale
        out.append(line(x, start - 4, x, y - GAP + 4,
                        "stroke:#c00;stroke-dasharray:4 3"))
        out.append(text(x, y - GAP + 18, "goal for our own part: %g %s"
                        % (goal, unit), "middle", 11))
        y += 14
    return out, y - start + 40


def chart(caption, panels, unit="ms"):
    """'panels' is a list of (title, groups, goal or None)."""
    out, y = [], 10
    for title, groups, goal in panels:
        elements, height = panel(y, title, groups, goal, unit)
        out += elements
        y += height
    for row in caption:
        out.append(text(10, y + 10, row, size=11))
        y += 15
    return ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
            'font-family="sans-serif">\n<rect width="100%%" height="100%%" '
            'fill="white"/>\n%s\n</svg>\n'
            % (WIDTH, y + 15, "\n".join(out)))
