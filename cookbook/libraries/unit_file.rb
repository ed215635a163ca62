# frozen_string_literal: true

module StackyardCookbook
  # The systemd unit of the server: deploy/stackyard.service of the project.
  module UnitFile
    module_function

    # node: where Node.js is.
    def text(node: '/usr/bin/node')
      <<~UNIT
        # Stackyard under systemd: docs/install.md. Settings stand in /etc/stackyard/stackyard.yaml, secrets as NAME=value in
        # /etc/stackyard/env (root, 0600); the unit itself is changed by `systemctl edit stackyard`.
        [Unit]
        Description=Stackyard, a private container registry
        Wants=network-online.target
        After=network-online.target

        [Service]
        Type=exec
        User=stackyard
        Group=stackyard
        UMask=0077
        WorkingDirectory=/var/lib/stackyard
        StateDirectory=stackyard
        StateDirectoryMode=0700
        Environment=NODE_ENV=production
        Environment=STACKYARD_CONFIG=/etc/stackyard/stackyard.yaml
        EnvironmentFile=-/etc/stackyard/env
        ExecStart=#{node} --min-semi-space-size=16 --initial-old-space-size=96 /opt/stackyard/dist/src/cli/stackyard.js serve
        Restart=on-failure
        RestartSec=2
        # Wrong usage or configuration: no restart mends it.
        RestartPreventExitStatus=2
        # The server tells its workers itself.
        KillMode=mixed
        # server.drainDelay, server.drainTimeout and 20 s together, or longer.
        TimeoutStopSec=60
        LimitNOFILE=65536
        LimitCORE=0

        # No MemoryDenyWriteExecute: V8 compiles at runtime.
        AmbientCapabilities=
        CapabilityBoundingSet=
        DevicePolicy=closed
        LockPersonality=yes
        NoNewPrivileges=yes
        PrivateDevices=yes
        PrivateTmp=yes
        ProcSubset=pid
        ProtectClock=yes
        ProtectControlGroups=yes
        ProtectHome=yes
        ProtectHostname=yes
        ProtectKernelLogs=yes
        ProtectKernelModules=yes
        ProtectKernelTunables=yes
        ProtectProc=invisible
        ProtectSystem=strict
        RemoveIPC=yes
        RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
        RestrictNamespaces=yes
        RestrictRealtime=yes
        RestrictSUIDSGID=yes
        SystemCallArchitectures=native
        SystemCallErrorNumber=EPERM
        SystemCallFilter=@system-service
        SystemCallFilter=~@privileged @resources

        [Install]
        WantedBy=multi-user.target
      UNIT
    end
  end
end
