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

  it 'refuses what is no UTF-8, and has no cause that tells it' do
    ["{\"Secret\":\"s3cret\xFF\"}".b, '{"Secret":"s3cret"'].each do |text|
      expect { described_class.login('pass', answer(0, text)) }.to raise_error(StackyardCookbook::Invalid) do |error|
        expect(error.full_message + error.cause.inspect).not_to include('s3cret')
      end
    end
  end

  it 'tells that a helper failed, and the fix' do
    expect(described_class.failure('pass', 'store', 1, 'ann'))
      .to eq('credential_helper pass: docker-credential-pass store failed (exit status 1); is it set up for ann? ' \
             'run `docker-credential-pass list` as ann')
    expect(described_class.failure('pass', 'erase', nil, 'ann')).to include('erase failed (ended by a signal); ')
  end
end
