# frozen_string_literal: true

name 'stackyard'
maintainer 'The Stackyard authors'
maintainer_email 'stackyard@example.invalid'
license 'Apache-2.0'
description 'Hosts that log in to a Stackyard registry, use it as a mirror, run its images; and the server itself'
version '0.1.0'
chef_version '>= 16.2'
supports 'debian', '>= 12.0'
supports 'ubuntu', '>= 22.04'
