"""rings.py DIRECTORY NAME=PORT...: writes one-device rings (device sd1 on 127.0.0.1, one replica) into DIRECTORY."""
import os
import sys

from swift.common.ring import RingBuilder

PART_POWER = 8

directory, *servers = sys.argv[1:]
for server in servers:
    name, port = server.split('=')
    address = {'ip': '127.0.0.1', 'port': int(port)}
    builder = RingBuilder(PART_POWER, 1, 0)
    builder.add_dev({
        'id': 0, 'region': 1, 'zone': 1, 'weight': 1.0, 'device': 'sd1', 'meta': '', **address,
        **{'replication_' + key: value for key, value in address.items()},
    })
    builder.rebalance()
    builder.get_ring().save(os.path.join(directory, name + '.ring.gz'))
