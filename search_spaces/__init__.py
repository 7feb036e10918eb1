"""What may vary: trainer YAMLs with parameters, and the loader that lists, checks and fills the parameters."""

from search_spaces.advice import notes
from search_spaces.fill import course, parameter_name, propose, render
from search_spaces.parameters import Choice, Derived, Float, Int, Parameter, Proposer
from search_spaces.rules import check, check_config
from search_spaces.scaling import REFERENCE, Changes, against_course, reference, scale
from search_spaces.space import SHIPPED, Space, SweepDefaults, from_text, load

__all__ = [
    "REFERENCE",
    "SHIPPED",
    "Changes",
    "Choice",
    "Derived",
    "Float",
    "Int",
    "Parameter",
    "Proposer",
    "Space",
    "SweepDefaults",
    "against_course",
    "check",
    "check_config",
    "course",
    "from_text",
    "load",
    "notes",
    "parameter_name",
    "propose",
    "reference",
    "render",
    "scale",
]
