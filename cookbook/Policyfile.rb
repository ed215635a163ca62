# frozen_string_literal: true

name 'stackyard'
run_list 'stackyard::default'
# Test Kitchen takes no run_list of its suites beside this file: each names one of these.
named_run_list :client, 'stackyard_test::client'
named_run_list :server, 'stackyard_test::server'
cookbook 'stackyard', path: '.'
cookbook 'stackyard_test', path: 'test/cookbooks/stackyard_test'
