# frozen_string_literal: true

RSpec.describe StackyardCookbook::CredentialHelper do
  def answer(exitstatus, stdout, stderr = '')
    Struct.new(:exitstatus, :stdout, :stderr).new(exitstatus, stdout, stderr)
  end

  it 'reads a login' do
    login = { 'ServerURL' => 'r.test', 'Username' => 'ann', 'Secret' => 's3cret' }
    expect(described_class.login('pass', answer(0, JSON.generate(login)))).to eq(login)
    token = { 'Username' => '', 'Secret' => 's3cret' }
    expect(described_class.login('pass', answer(0, JSON.generate(token)))).to eq(token)
  end

  it 'knows that there is none' do
    [answer(1, "credentials not found in native keychain\n"), answer(0, '{"ServerURL":"r.test","Username":"","Secret":""}'),
     answer(0, '{}')].each { |none| expect(described_class.login('pass', none)).to eq({}) }
  end

  it 'knows nothing where the helper failed' do
    [answer(1, 'pass store is uninitialized'), answer(1, '{}'), answer(nil, '')].each do |failed|
      expect(described_class.login('pass', failed)).to be_nil
    end
  end

  ['', 's3cret', '["s3cret"]', '{"Secret":"s3cret"'].each do |text|
    it "refuses the login #{text.inspect}, without telling it" do
      expect { described_class.login('pass', answer(0, text)) }
        .to be_refused(/\Acredential_helper pass: (?!.*s3cret)docker-credential-pass get answered no JSON object/)
    end
  end

  it 'tells why a helper failed' do
    said = described_class.failure('pass', 'store', answer(1, "exit status 1:\n gpg: no key \xFFé\n".b), '{"Secret":"s3cret"}')
    expect(said).to eq('credential_helper pass: docker-credential-pass store failed (exit status 1: gpg: no key ?é); ' \
                       'is it set up for this user?')
  end

  it 'tells nothing of the secret, and of an erase whatever there is' do
    ['s3"cret', 'cannot store "s3\"cret"'].each do |text|
      said = described_class.failure('pass', 'store', answer(1, '', text), JSON.generate('Secret' => 's3"cret'))
      expect(said).to include('(it says nothing that may be shown)')
    end
    expect(described_class.failure('pass', 'erase', answer(1, 'gone'), 'r.test:5000')).to include('erase failed (gone)')
  end
end
