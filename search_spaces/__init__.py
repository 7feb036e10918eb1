"""What may vary: trainer YAMLs with holes, and the loader that lists, checks and fills the holes."""

from search_spaces.advice import notes
from search_spaces.fill import course, parameter, propose, render
from search_spaces.holes import Choice, Float, Hole, Int, Tied, Trial
from search_spaces.rules import check, check_config
from search_spaces.scaling import REFERENCE, Changes, against_course, reference, scale
from search_spaces.space import SHIPPED, Space, SweepDefaults, from_text, load

__all__ = [
    "REFERENCE",
    "SHIPPED",
    "Changes",
    "Choice",
    "Float",
    "Hole",
    "Int",
    "Space",
    "SweepDefaults",
    "Tied",
    "Trial",
    "against_course",
    "check",
    "check_config",
    "course",
    "from_text",
    "load",
    "notes",
    "parameter",
    "propose",
    "reference",
    "render",
    "scale",
]
