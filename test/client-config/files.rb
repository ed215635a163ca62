# frozen_string_literal: true

# Answers each JSON line {"engine", "setup", "existing"} of the standard input by one of what the cookbook's libraries give:
# {"files": [{"path", "mode", "content"}]} or {"error"}. The folder of the libraries is the argument.

require 'json'

Encoding.default_external = Encoding::UTF_8
Encoding.default_internal = nil
Dir[File.join(ARGV.fetch(0), '*.rb')].sort.each { |file| require file }

def symbols(value)
  case value
  when Hash then value.to_h { |key, each| [key.gsub(/[A-Z]/) { |capital| "_#{capital.downcase}" }.to_sym, symbols(each)] }
  when Array then value.map { |each| symbols(each) }
  else value
  end
end

$stdin.set_encoding(Encoding::UTF_8)
$stdout.sync = true
$stdin.each_line do |line|
  asked = JSON.parse(line)
  answer =
    begin
      files = StackyardCookbook::ClientFiles.files(asked['engine'], symbols(asked['setup']), asked['existing'])
      { files: files }
    rescue StackyardCookbook::Invalid => e
      { error: e.message }
    end
  puts JSON.generate(answer)
end
