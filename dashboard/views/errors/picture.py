"""The picture of the comparison that is looked at, measured in the background where it is not."""

import streamlit as st

from ccta_core.errors import CctaError
from dashboard import resources
from dashboard.views.errors.state import Row
from dashboard.views.pair.job import find, leave, progress
from dashboard.views.pair.skeleton import skeleton
from dashboard.views.pair.study_items import with_study
from dashboard.views.pair.view import PairRequest, choose
from dashboard.widgets.navigation import pair_query
from dashboard.widgets.pair_picture import PictureStyle, pair_picture
from dashboard.widgets.study_bar import Chosen

SLOT = "errors"


def comparison_picture(chosen: Chosen, row: Row) -> bool:
    """The words with their ribbons, small; False where the model or the texts are not here."""
    view = _request(chosen, row)
    if view is None:
        leave(SLOT)
        return False
    request, style = view
    result, job = find(request, SLOT)
    with st.container(key="errors_picture"):
        payload = result.payload() if result else skeleton(request)
        pair_picture(payload, style, key="pair_picture_errors", waiting=result is None)
        if result is None and job is not None:
            progress(job, SLOT, page="errors")
    return True


def _request(chosen: Chosen, row: Row) -> tuple[PairRequest, PictureStyle] | None:
    item, source, target = row
    query = pair_query(chosen, item, (source, target))
    options, problems = with_study(resources.options(), query)
    if problems or query["model"] not in options.models or item not in options.items:
        return None
    view, _ = choose(query, options)
    try:
        return view.request(options), PictureStyle(view.settings)
    except CctaError:
        return None
