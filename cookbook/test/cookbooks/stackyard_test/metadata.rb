# frozen_string_literal: true

name 'stackyard_test'
maintainer 'The Stackyard authors'
maintainer_email 'stackyard@example.invalid'
license 'Apache-2.0'
description 'Recipes for the tests of the cookbook stackyard'
version '0.1.0'
chef_version '>= 16.2'
depends 'stackyard'
