# frozen_string_literal: true

name 'stackyard'
default_source :supermarket
run_list 'stackyard::default'
cookbook 'stackyard', path: '.'
cookbook 'stackyard_test', path: 'test/cookbooks/stackyard_test'
