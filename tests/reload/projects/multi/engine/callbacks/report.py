from functools import wraps

from ..model import Model
from . import register


def labelled(function):
    @wraps(function)
    def wrapper(model: Model) -> str:
        return f"<{function(model)}>"

    return wrapper


@register
@labelled
def tell(model: Model) -> str:
    return f"width {model.config.width}"
