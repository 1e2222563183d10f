"""Many tests at once: how sure each must be, so that all together seldom raise a false alarm."""

from typing import Final

FALSE_ALARMS: Final = 0.05  # chance of any false alarm among tests that are told together


def holm(p_values: list[float]) -> list[float]:
    """Adjust p-values for their number by the step-down method of Holm (1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = min(1.0, max(largest, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted
