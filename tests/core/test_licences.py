"""A licence's address decides what it allows; what is not known allows nothing."""

import pytest

from core.licences import FREE, UNKNOWN, Terms, short_name, terms_of

CC = "http://creativecommons.org/licenses"
# As in COCO's own files: commercial use, modifications, attribution, share alike.
COCO = {
    f"{CC}/by-nc-sa/2.0/": (False, True, True, True),
    f"{CC}/by-nc/2.0/": (False, True, True, False),
    f"{CC}/by-nc-nd/2.0/": (False, False, True, False),
    f"{CC}/by/2.0/": (True, True, True, False),
    f"{CC}/by-sa/2.0/": (True, True, True, True),
    f"{CC}/by-nd/2.0/": (True, False, True, False),
    "http://flickr.com/commons/usage/": (True, True, False, False),
    "http://www.usa.gov/copyright.shtml": (True, True, False, False),
}


@pytest.mark.parametrize(("url", "expected"), COCO.items(), ids=COCO)
def test_each_of_cocos_licences_is_known(url, expected):
    assert terms_of(url) == Terms(*expected)


@pytest.mark.parametrize(
    "url",
    [
        "https://creativecommons.org/licenses/by-nc-sa/4.0/",
        "https://creativecommons.org/licenses/by-nc-sa/3.0/de/deed.en",
        "https://www.creativecommons.org/licenses/by-nc-sa/2.5",
        " HTTP://CreativeCommons.org/Licenses/BY-NC-SA/2.0/legalcode#top ",
        "http://creativecommons.org/licenses/by-sa-nc/1.0/?lang=de",
    ],
)
def test_version_country_scheme_and_case_are_no_matter(url):
    assert terms_of(url) == terms_of(f"{CC}/by-nc-sa/2.0/")


@pytest.mark.parametrize(
    "url",
    [
        "https://creativecommons.org/publicdomain/zero/1.0/",
        "https://creativecommons.org/publicdomain/mark/1.0/deed.en",
        "https://www.flickr.com/commons/usage",
        "https://www.usa.gov/government-works",
    ],
)
def test_the_public_domain_allows_all(url):
    assert terms_of(url) == FREE


@pytest.mark.parametrize(
    "url",
    [
        "",
        "Attribution License",
        "http://licence.invalid/1",
        "http://creativecommons.org.licence.invalid/licenses/by/2.0/",
        "http://licence.invalid/creativecommons.org/licenses/by/2.0/",
        "http://creativecommons.org@licence.invalid/licenses/by/2.0/",
        "javascript://creativecommons.org/licenses/by/2.0/",
        "http://creativecommons.org/licenses/",
        "http://creativecommons.org/licenses/by/",
        "http://creativecommons.org/licenses/by-xx/2.0/",
        "http://creativecommons.org/licenses/by-by/2.0/",
        "http://creativecommons.org/licenses/nd-sa/2.0/",
        "http://creativecommons.org/licenses/sampling+/1.0/",
        "http://flickr.com/photos/1/",
        "http://www.usa.gov/",
        "http://[",
        "http://\ud800/",
    ],
)
def test_another_address_allows_nothing(url):
    assert terms_of(url) == UNKNOWN
    assert not terms_of(url).is_known


@pytest.mark.parametrize(
    ("url", "short"),
    [
        (f"{CC}/by-nc-sa/2.0/", "CC BY-NC-SA"),
        ("HTTPS://CreativeCommons.org/Licenses/BY/4.0", "CC BY"),
        ("http://flickr.com/commons/usage/", "Its own name"),
        ("http://elsewhere.invalid/licenses/by/2.0/", "Its own name"),
        ("", "Its own name"),
    ],
)
def test_a_licence_is_said_in_a_few_letters_where_people_do_so(url, short):
    assert short_name("Its own name", url) == short
