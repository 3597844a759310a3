"""The charts of an incident: timeline, machine states, hypotheses, memory, other machines of the app, and a fleet.

All are SVG with their letters as outlines, so they look alike everywhere and load nothing; the same
facts always give the same bytes, no two labels overlap, and each says in words (`alt`) what it shows.
Nothing is told by colour alone: what matters differs in shape, place or weight.
"""

from runbooks.report.charts.fleet import over_time, states
from runbooks.report.charts.life import life
from runbooks.report.charts.matrix import matrix
from runbooks.report.charts.memory import memory
from runbooks.report.charts.siblings import siblings
from runbooks.report.charts.timeline import timeline

__all__ = ["life", "matrix", "memory", "over_time", "siblings", "states", "timeline"]
