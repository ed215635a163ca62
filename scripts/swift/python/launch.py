"""launch.py DIRECTORY PROGRAM [ARGUMENT]...: runs a program of Swift's with DIRECTORY/swift.conf instead of /etc/swift's."""
import runpy
import sys

from swift.common import utils

directory, *sys.argv = sys.argv[1:]
# Before anything else is imported: the constraints and the storage policies are read once, at their import.
utils.set_swift_dir(directory)
if sys.argv[0].endswith('-updater'):
    # An updater forks for each pass and would patch in each child anew, half a second of CPU a time.
    utils.eventlet_monkey_patch()
runpy.run_path(sys.argv[0], run_name='__main__')
