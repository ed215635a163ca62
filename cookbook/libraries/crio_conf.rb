# frozen_string_literal: true

module StackyardCookbook
  # CRI-O's drop-in that names the file of the logins.
  module CrioConf
    PATH = '/etc/crio/crio.conf.d/50-stackyard.conf'
    AUTH_PATH = '/etc/crio/stackyard-auth.json'

    module_function

    # The drop-in's text.
    def text
      "#{ClientHeading::TEXT}\n[crio.image]\nglobal_auth_file = \"#{AUTH_PATH}\"\n"
    end
  end
end
