"""The embedded server: shared by whoever uses it, healthy after every kill, gone with its last user."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tanyi.kernel import cluster, db, embedded
from tanyi.kernel.config import settings

USER_OF_THE_SERVER = """
import sys, pathlib, psycopg
from tanyi.kernel import embedded
folder = pathlib.Path(sys.argv[1])
with psycopg.connect(embedded.start(folder)) as connection:
    print(connection.execute("SELECT pg_postmaster_start_time()").fetchone()[0].isoformat(), flush=True)
sys.stdin.read()
if "stop" in sys.argv:
    embedded.stop(folder)
"""


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every live process that has to do with this folder: server, its children, the one that waits beside it."""
    found = []
    for process in psutil.process_iter():
        try:
            names_it = any(str(folder) in word for word in process.cmdline()) or process.cwd().startswith(str(folder))
            if names_it and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def is_true_within(seconds, condition):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(scope="module")
def made_once(servers_folder):
    """A data folder with a cluster that does not run, for all tests here: making one takes most of a second."""
    made = servers_folder / "embedded"
    made.mkdir(mode=0o700)
    with psycopg.connect(embedded.start(made, parameters={"fsync": "off"}), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
    embedded.stop(made)
    return made


@pytest.fixture
def folder(made_once):
    """The data folder, of which nothing may run when a test has ended."""
    yield from nothing_runs_afterwards(made_once)


@pytest.fixture
def empty_folder(servers_folder):
    """A data folder without a cluster, of which nothing may run when the test has ended."""
    made = Path(tempfile.mkdtemp(dir=servers_folder))
    yield from nothing_runs_afterwards(made)


def nothing_runs_afterwards(data: Path) -> Iterator[Path]:
    yield data
    embedded.stop(data)
    ended = is_true_within(10, lambda: not processes_of(data))
    left = [process.cmdline() for process in processes_of(data)]
    for process in processes_of(data):
        process.kill()
    assert ended, left


@pytest.fixture
def user_process():
    """Starts other processes that use the server; prints when they do; they leave when their input ends."""
    begun = []

    def begin(data: Path, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", USER_OF_THE_SERVER, str(data), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        begun.append(process)
        return process

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


def answers(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


# --- one server for all -----------------------------------------------------------------------------------------------


def test_processes_that_start_at_once_in_an_empty_folder_share_one_server(empty_folder, user_process):
    users = [user_process(empty_folder, "stop") for _ in range(3)]
    assert len({user.stdout.readline() for user in users}) == 1
    for user in users:
        user.communicate()
        assert user.returncode == 0
    assert cluster.postmaster(empty_folder) is None


def test_the_server_stays_until_its_last_user_leaves(folder, user_process):
    url = embedded.start(folder)
    user = user_process(folder, "stop")
    assert user.stdout.readline()
    embedded.stop(folder)
    assert answers(url)
    user.communicate()
    assert cluster.postmaster(folder) is None


def test_each_start_in_one_process_wants_one_stop(folder):
    url = embedded.start(folder)
    assert embedded.start(folder) == url
    embedded.stop(folder)
    assert answers(url)
    embedded.stop(folder)
    assert cluster.postmaster(folder) is None


def test_a_process_that_ends_without_stopping_has_left(folder, user_process):
    user = user_process(folder)
    assert user.stdout.readline()
    user.communicate()
    assert cluster.postmaster(folder) is None


def test_a_forked_child_that_ends_first_takes_nothing_from_its_parent(folder):
    url = embedded.start(folder)
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert embedded.stop_abandoned(folder) is False
    assert answers(url)
    embedded.stop(folder)
    assert cluster.postmaster(folder) is None


# --- kills ------------------------------------------------------------------------------------------------------------


def test_killing_one_user_leaves_the_server_to_the_others(folder, user_process):
    url = embedded.start(folder)
    user = user_process(folder)
    assert user.stdout.readline()
    user.kill()
    user.wait()
    assert answers(url)
    embedded.stop(folder)
    assert cluster.postmaster(folder) is None


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_the_server_ends_by_itself_when_its_only_user_is_killed(folder, user_process, how):
    user = user_process(folder)
    assert user.stdout.readline()
    user.send_signal(how)
    user.wait()
    assert is_true_within(10, lambda: not processes_of(folder))
    assert answers(embedded.start(folder))


def test_without_the_waiting_process_the_next_user_to_leave_stops_the_server(folder, user_process):
    user = user_process(folder)
    assert user.stdout.readline()
    for process in processes_of(folder):
        if "tanyi.kernel.last_user" in process.cmdline():
            process.kill()
    assert is_true_within(5, lambda: not any("tanyi.kernel.last_user" in one.cmdline() for one in processes_of(folder)))
    user.kill()
    user.wait()
    assert answers(embedded.start(folder))
    embedded.stop(folder)
    assert cluster.postmaster(folder) is None


def test_a_server_that_was_killed_is_started_again_with_what_was_committed(folder):
    url = embedded.start(folder)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (figure bigint)")
        connection.execute("INSERT INTO kept VALUES (42)")
    killed = cluster.postmaster(folder)
    killed.kill()
    assert is_true_within(5, lambda: cluster.postmaster(folder) is None)
    with psycopg.connect(embedded.start(folder)) as connection:
        assert connection.execute("SELECT figure FROM kept").fetchone() == (42,)
    assert cluster.postmaster(folder).pid != killed.pid
    embedded.stop(folder)


def test_a_killed_server_is_started_again_though_a_backend_of_it_hangs(folder):
    url = embedded.start(folder)
    connection = psycopg.connect(url)
    hanging = psutil.Process(connection.info.backend_pid)
    hanging.suspend()
    cluster.postmaster(folder).kill()
    assert is_true_within(5, lambda: cluster.postmaster(folder) is None)
    assert answers(embedded.start(folder))
    assert not hanging.is_running() or hanging.status() == psutil.STATUS_ZOMBIE
    embedded.stop(folder)
    connection.close()


def test_whoever_next_connects_starts_a_killed_server_again(folder):
    with db.open_database(settings({}, folder)) as database:
        db.ensure_app_role(database.owner_engine())
        for _ in range(2):
            cluster.postmaster(folder).kill()
            assert is_true_within(5, lambda: cluster.postmaster(folder) is None)
            database.close()  # an open connection may still answer once before its end is noticed
            with database.app_engine().connect() as connection:
                assert connection.exec_driver_sql("SELECT current_user").scalar_one() == "tanyi_app"
    assert cluster.postmaster(folder) is None


def test_a_process_id_that_now_belongs_to_another_program_is_not_a_server(folder):
    other = subprocess.Popen(["sleep", "60"])
    held = folder / "postgres" / "postmaster.pid"
    held.write_text(f"{other.pid}\n{folder}/postgres\n1\n5432\n\n\n0 0\nready\n")
    try:
        assert cluster.postmaster(folder) is None
        assert answers(embedded.start(folder))
    finally:
        embedded.stop(folder)
        other.kill()
        other.wait()


def test_a_cluster_whose_making_was_cut_short_is_made_again(empty_folder):
    cut_short = empty_folder / f"{cluster.UNFINISHED}1"
    cut_short.mkdir()
    (cut_short / "PG_VERSION").write_text("18\n")
    with psycopg.connect(embedded.start(empty_folder)) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
    assert not cut_short.exists()


def test_a_server_that_cannot_start_is_refused_with_its_own_last_words(folder):
    control = folder / "postgres" / "global" / "pg_control"
    whole = control.read_bytes()
    control.write_bytes(b"broken")
    with pytest.raises(embedded.EmbeddedServerFailed) as refused:
        embedded.start(folder)
    control.write_bytes(whole)
    assert "FATAL" in str(refused.value) or "PANIC" in str(refused.value)
    assert answers(embedded.start(folder))


# --- where the folder lies --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["with space, comma 'and' \"quotes\" $HOME", "河北" * 20, "d" * 200])
def test_the_folder_may_have_any_name_and_length(folder, name):
    moved = folder.rename(folder.parent / name)
    try:
        url = embedded.start(moved)
        assert answers(url)
        socket_folder = Path(conninfo_to_dict(url)["host"])
        assert socket_folder.stat().st_mode & 0o077 == 0
    finally:
        embedded.stop(moved)
        moved.rename(folder)
    assert not socket_folder.exists(), "the name moved away with the folder, or a short one was left behind"


def test_nobody_else_of_the_machine_can_open_the_socket(folder):
    embedded.start(folder)
    assert (folder / "postgres").stat().st_mode & 0o077 == 0


def test_parameters_of_the_caller_are_heeded_by_the_start(folder):
    with psycopg.connect(embedded.start(folder, parameters={"work_mem": "7MB"})) as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("7MB",)
        assert connection.execute("SHOW max_connections").fetchone() == ("100",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_folders_above_are_opened_for_passing_at_most_and_only_by_root(folder):
    closed = folder.parent / "closed"
    closed.mkdir(mode=0o700)
    moved = folder.rename(closed / "data")
    moved.chmod(0o700)
    try:
        assert answers(embedded.start(moved))
        assert {path.stat().st_mode & 0o777 for path in (closed, moved)} == {0o701 if os.geteuid() == 0 else 0o700}
    finally:
        embedded.stop(moved)
        moved.rename(folder)
