# Asks for the next order, handles it, asks again. Net::HTTP.get opens a connection each time.
require "net/http"

$stdout.sync = true
orders = ENV.fetch("ORDERS_URL")
ending = false
trap("TERM") { ending = true }

handled = 0
until ending
  answer = Net::HTTP.get_response(URI("#{orders}/orders/next"))
  if answer.code == "200"
    handled += 1
    puts "#{handled} orders handled" if (handled % 20).zero?
  else
    # A failure that Sidepool answers says whether the upstream may have acted on it.
    warn "#{answer.code} #{answer["Proxy-Status"]}"
  end
  sleep 0.1
end
