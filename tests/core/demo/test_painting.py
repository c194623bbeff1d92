import numpy as np
import pytest

from core.demo.backgrounds import paint_background
from core.demo.categories import DRAWN, SETTINGS
from core.demo.glyphs import GLYPHS, GlyphsError, load_glyphs
from core.demo.painting import paint, paint_with_masks
from core.demo.scenes import Scene, SceneObject, sample_scene


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_background_is_the_same_for_the_same_chance(setting):
    first, second = (
        paint_background(setting, np.random.default_rng(4), 96, 72).tobytes() for _ in range(2)
    )
    other = paint_background(setting, np.random.default_rng(5), 96, 72).tobytes()
    assert first == second != other


def test_the_same_scene_gives_the_same_pixels(glyphs):
    scene = sample_scene(np.random.default_rng(8))
    assert paint(scene, glyphs, 160, 120).tobytes() == paint(scene, glyphs, 160, 120).tobytes()


def test_painting_with_masks_paints_the_same_picture(glyphs):
    scene = sample_scene(np.random.default_rng(9))
    painting = paint_with_masks(scene, glyphs, 160, 120)
    assert painting.image.tobytes() == paint(scene, glyphs, 160, 120).tobytes()
    assert painting.masks.shape == (len(scene.objects), 120, 160)


def test_what_stands_in_front_hides_what_is_behind(glyphs):
    behind = SceneObject("cow", 0, 0.5, 0.9, 0.4, False, 0, "ground")
    before = SceneObject("sheep", 0, 0.5, 0.95, 0.2, False, 0, "ground")
    alone = paint_with_masks(Scene("meadow", (behind,), 1), glyphs, 320, 240).masks
    both = paint_with_masks(Scene("meadow", (behind, before), 1), glyphs, 320, 240).masks
    assert both[0].sum() < alone[0].sum()
    assert not (both[0] & both[1]).any()


def test_an_object_is_seen_where_its_mask_is(glyphs):
    thing = SceneObject("elephant", 0, 0.5, 0.9, 0.4, False, 0, "sky")
    empty, full = Scene("desert", (), 3), Scene("desert", (thing,), 3)
    mask = paint_with_masks(full, glyphs, 160, 120).masks[0]
    pair = (np.asarray(paint(scene, glyphs, 160, 120)).astype(int) for scene in (empty, full))
    changed = np.abs(np.subtract(*pair)).sum(axis=2) > 0
    assert changed[mask].mean() > 0.95
    assert changed[~mask].mean() < 0.03


@pytest.mark.parametrize("category", DRAWN)
def test_every_glyph_can_be_drawn(real_glyphs, category):
    for variant in range(len(GLYPHS[category])):
        alpha = np.asarray(real_glyphs.raster(category, variant))[..., 3]
        assert (alpha > 128).mean() > 0.08


def test_missing_glyph_packages_are_named_with_the_command(tmp_path):
    with pytest.raises(GlyphsError, match=r"noto-1\.2\.9\.tgz .* npm pack @iconify-json/noto@"):
        load_glyphs(tmp_path)


def test_a_file_that_is_no_glyph_package_is_named(tmp_path):
    (tmp_path / "iconify-json-noto-1.2.9.tgz").write_bytes(b"nothing of the kind")
    with pytest.raises(GlyphsError, match="is not a glyph package"):
        load_glyphs(tmp_path)
