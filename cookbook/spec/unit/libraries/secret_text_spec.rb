# frozen_string_literal: true

require 'tmpdir'

RSpec.describe StackyardCookbook::SecretText do
  around { |example| Dir.mktmpdir { |folder| @folder = folder and example.run } }

  def file(text, mode: 0o600)
    path = File.join(@folder, 'secret')
    File.binwrite(path, text)
    File.chmod(mode, path)
    path
  end

  it('takes a text') { expect(described_class.from('password', text: 'hunter2')).to eq('hunter2') }
  it('is nil where nothing is given') { expect(described_class.from('password')).to be_nil }

  it 'takes the first line of a file' do
    ["hunter2\nmore\n", "hunter2\r\n", 'hunter2', "\uFEFFhunter2\n"].each do |text|
      expect(described_class.from('password', file: file(text))).to eq('hunter2')
    end
  end

  it 'refuses a file that others can read, with the fix' do
    [0o640, 0o604, 0o660].each do |mode|
      expect { described_class.from('password', file: file('hunter2', mode: mode)) }
        .to be_refused(/password: .* can be read by others \(mode #{format('%04o', mode)}\); chmod 0600 it/)
    end
  end

  it 'refuses what is missing, double or no line' do
    expect { described_class.required('password') }.to be_refused('password: is missing; give password or password_file')
    expect { described_class.from('password', text: 'x', file: 'y') }.to be_refused(/not both/)
    expect { described_class.from('password', file: "#{@folder}/none") }.to be_refused(/cannot be read \(ENOENT\)/)
    ['', "a\nb", "a\0b", "\xFF"].each do |text|
      expect { described_class.from('password', text: text) }.to be_refused(/\Apassword: /)
    end
    expect { described_class.from('password', file: file("\n")) }.to be_refused(/is empty/)
  end

  it 'has a property take its type alone, and quotes no value of another' do
    coercion = described_class.coercion('environment', Hash)
    expect(coercion.call({ 'A' => 'b' })).to eq('A' => 'b')
    expect { coercion.call('PASSWORD=hunter2') }.to be_refused('environment: is no Hash; give one')
  end

  it 'quotes no secret' do
    expect { described_class.from('password', text: "hunter2\nhunter3") }.to raise_error do |error|
      expect(error.message).not_to include('hunter')
    end
  end
end
