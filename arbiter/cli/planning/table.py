"""Tables of `arbiter plan` in the terminal."""

from collections.abc import Iterable, Sequence


def rows(head: Sequence[str], body: Iterable[Sequence[str]], indent: str = "  ") -> list[str]:
    """Write a table: the first column to the left, the others to the right, but for the last, which is text.

    Parameters
    ----------
    head : column headings.
    body : cells, as many as headings.
    indent : before every line.
    """
    lines = [list(head), *(list(row) for row in body)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    last = len(head) - 1
    written = []
    for line in lines:
        cells = [
            cell.ljust(widths[i]) if i == 0 else cell if i == last else cell.rjust(widths[i])
            for i, cell in enumerate(line)
        ]
        written.append((indent + "  ".join(cells)).rstrip())
    return written
