-- A time-out of its own for each request of wrk: such readers share no scrape.
local count = 0

request = function()
  count = count + 1
  local seconds = tostring(60 + count % 1000)
  return wrk.format("GET", nil, { ["X-Prometheus-Scrape-Timeout-Seconds"] = seconds })
end
