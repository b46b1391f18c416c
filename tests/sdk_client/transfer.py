"""Sessions that fetch from the cards: remote-transfer and contents."""

from harness import refused
from remote import find, newest

# What lies in slot 1 of the simulated camera: three JPEG files, two pairs.
FILES, CONTENTS, RAW_BYTES = 7, 5, 3 * 1024 * 1024


def listing(h, camera, mode):
    """the files of a card, RAW and JPEG of one exposure together"""
    answer = h.sd_card.list(camera, 1)
    assert answer.success is True and answer.slot == 1 and len(answer.files) == FILES, answer
    for file in answer.files:
        assert file.file_size > 100_000 and file.file_path.startswith("DCIM/100MSDCF/DSC"), file
        assert file.creation_year == 2026 and file.creation_month == 11, file
    if mode == "contents":
        assert answer.file_count == FILES and {file.file_id for file in answer.files} == {0}
    else:
        contents = {file.content_id for file in answer.files}
        assert answer.file_count == len(contents) == CONTENTS, answer
    assert len(h.sd_card.list(camera, 2).files) == 1


def download(h, events, camera, mode, media):
    """a file comes to the box whole, and everyone is told"""
    for ending in (".JPG", ".ARW"):
        files = h.sd_card.list(camera, 1).files
        file = next(file for file in files if file.file_path.endswith(ending))
        events.drain()
        answer = h.sd_card.download(
            camera, 1, file.content_id, file.file_id, save_path=f"card-{mode}"
        )
        assert answer.success is True and answer.message
        saved = find(media, finished(events, mode))
        assert saved.stat().st_size == file.file_size, (saved, file)
        assert "card-" + mode in saved.parts, saved


def finished(events, mode):
    """Waits for the end of a transfer; the name of the file."""
    if mode == "contents":
        done = events.wait("contentsTransfer", lambda data: data["status"] != "started")
        assert done["status"] == "complete", done
    else:
        done = events.wait("transferProgress", lambda data: data["percent"] == 100)
        assert done["notify"] == "0x20093", done
    return done["filename"]


def smaller(h, events, camera, mode, media):
    """small and screen-sized pictures of a file come too, or are refused with the reason"""
    file = h.sd_card.list(camera, 1).files[0]
    events.drain()
    answer = h.sd_card.download_thumbnail(camera, 1, file.content_id, file.file_id)
    assert answer.success is True and answer.type == "thumbnail", answer
    told = finished(events, mode)
    # In contents mode the name told is that of the file on the card.
    saved = newest(media) if mode == "contents" else find(media, told)
    assert saved.read_bytes().startswith(b"\xff\xd8\xff") and saved.stat().st_size < 60_000
    try:
        answer = h.sd_card.download_screennail(camera, 1, file.content_id, file.file_id)
        assert answer.type == "screennail", answer
        finished(events, mode)
    except AssertionError:
        raise
    except Exception:
        refused(lambda: h.sd_card.download_screennail(camera, 1, file.content_id, file.file_id))


def bad_files(h, camera):
    """files that do not exist and paths that lead out are refused"""
    refused(lambda: h.sd_card.download(camera, 1, 999_999, 1))
    file = h.sd_card.list(camera, 1).files[0]
    for path in ("../..", "/etc"):
        refused(
            lambda: h.sd_card.download(camera, 1, file.content_id, file.file_id, save_path=path)
        )
    refused(lambda: h.sd_card.list(camera, 3), 404)


def no_shooting(h, camera):
    """in contents mode there is no shooting and no live view"""
    refused(lambda: h.actions.shutter(camera))
    refused(lambda: h.live_view.start(camera))
