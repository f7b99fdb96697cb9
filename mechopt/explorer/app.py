"""The page itself, a marimo app; `mechopt explore MODEL` serves it. Nothing else imports this file."""
# mypy: ignore-errors
# marimo passes values from cell to cell by name: there is nothing to annotate.

import marimo

app = marimo.App(width="full", app_title="mechopt explore")


@app.cell
def _():
    from html import escape

    import marimo as mo

    from mechopt.errors import MechoptError
    from mechopt.explorer import controls, page

    document = controls.open_document(mo.cli_args()["model"])
    moved = controls.controls(document.data)
    before = controls.outcome(document)
    return MechoptError, before, controls, document, escape, mo, moved, page


@app.cell
def _(document, mo, moved, page):
    def element(control):
        if control.steps is None:
            return mo.ui.text(value=str(control.value), label=control.label, full_width=True)
        low, high, step = control.steps
        return mo.ui.slider(
            low, high, step, value=float(control.value), label=control.label, include_input=True, full_width=True
        )

    inputs = mo.ui.dictionary({control.label: element(control) for control in moved})
    groups = {}
    for control in moved:
        groups.setdefault(control.group.replace("_", " "), []).append(inputs[control.label])
    single = [items[0] for items in groups.values() if len(items) == 1]
    panels = {name: mo.vstack(items) for name, items in groups.items() if len(items) > page.OPEN}
    shown = [
        part for name, items in groups.items() if 1 < len(items) <= page.OPEN for part in (mo.md(f"**{name}**"), *items)
    ]
    left = mo.vstack(
        [
            mo.md(f"# {document.data.get('title') or document.data['mechanism']}"),
            mo.md("Move a value. An exact number is typed, such as 1/3."),
            *single,
            *shown,
            mo.accordion(panels, multiple=True) if panels else mo.md(""),
        ]
    )
    return inputs, left


@app.cell
def _(MechoptError, before, controls, document, escape, inputs, mo, moved, page):
    def result():
        values = {}
        for control in moved:
            value = inputs.value[control.label]
            written = str(control.value) if control.steps is None else float(control.value)
            if value != written:
                values[control.path] = value
        try:
            now = controls.outcome(controls.changed(document, values)) if values else before
        except MechoptError as error:
            return mo.callout(mo.md(f"**These values do not go together.** {error}"), kind="danger")
        return mo.vstack(
            [
                mo.md("## Result"),
                mo.Html(page.summary(before, now)),
                mo.md("## Checks"),
                mo.Html(page.checks(now)),
                *(
                    part
                    for name, columns in now.tables.items()
                    for part in (mo.md(f"## Table: {name}"), mo.Html(page.grid(columns)))
                ),
                *(
                    part
                    for picture in now.pictures()
                    for part in (
                        mo.md(f"## {picture.title}"),
                        mo.Html(f'<figure role="img" aria-label="{escape(picture.alt)}">{picture.svg}</figure>'),
                        mo.md(picture.caption),
                    )
                ),
            ]
        )

    right = result()
    return (right,)


@app.cell
def _(left, mo, page, right):
    mo.Html(
        f"{page.STYLE}<div class='explore'><div class='controls'>{left}</div><div class='result'>{right}</div></div>"
    )
    return


if __name__ == "__main__":
    app.run()
