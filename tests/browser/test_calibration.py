"""Calibration in a real browser: from the words of the query to a cut on Search."""

import re

from playwright.sync_api import expect


def test_a_suggested_threshold_moves_the_cut_on_search(demo_server, open_page):
    page = open_page(f"{demo_server.url}/scores?q=a+dog+on+a+beach&view=calibration&wish=f1")
    page.get_by_role("button", name="dog", exact=True).click()
    expect(
        page.get_by_text(re.compile(r"^Above 0\.34: about \d+% right, \d+% found$"))
    ).to_be_visible()
    words = page.get_by_text(re.compile(r"^From [\d.]+ on, \d+ pictures?: ")).inner_text()
    threshold, kept = re.match(r"From ([\d.]+) on, (\d+) picture", words).groups()
    page.get_by_role("button", name=f"Move the cut to {threshold}").click()
    expect(page.get_by_text(re.compile(f"^Above {float(threshold):.2f}: about"))).to_be_visible()
    expect(page).to_have_url(re.compile(f"score={threshold}"))
    page.get_by_role("link", name="Search", exact=True).click()
    expect(page.locator(".tile")).to_have_count(int(kept))
