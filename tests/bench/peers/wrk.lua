-- What wrk sends, and what it says at the end, as one line of JSON.
-- Arguments: method, path, bytes of body, file of tokens, mode, threads, tokens, paths.
-- Modes: `seen`: the file's first token in every request. `fresh`: the next of the file's lines, which have one length; each
-- thread takes a part of its own, and the run fails where a part ends. `any`: of the first lines, as many as `tokens`, one by
-- chance. `walk`: of the same, the next one, and after the last the first again. With `paths` above 0 the path is one of so
-- many, by chance: the argument `path` has `%d` in it.

local number = 0

function setup(thread)
    thread:set("number", number)
    thread:set("exhausted", 0)
    number = number + 1
    threads = threads or {}
    table.insert(threads, thread)
end

function init(args)
    local method, path, bytes, name, mode = args[1], args[2], tonumber(args[3]), args[4], args[5]
    local count, tokens, paths = tonumber(args[6]), tonumber(args[7]), tonumber(args[8])
    local file = assert(io.open(name, "r"))
    local token = file:read("*l")
    wrk.method, wrk.path = method, path
    wrk.headers["Accept"] = "application/json"
    wrk.headers["User-Agent"] = "python-novaclient"
    if bytes > 0 then
        wrk.headers["Content-Type"] = "application/json"
        wrk.body = string.rep("x", bytes)
    end
    wrk.headers["Authorization"] = "Bearer " .. token
    math.randomseed(number + 1)
    if paths > 0 then
        -- Nothing in a token or a header is a `%`.
        local format = wrk.format()
        function request()
            return string.format(format, math.random(0, paths - 1))
        end
    end
    if mode == "seen" then
        return
    end
    local length = #token + 1
    local whole = wrk.format()
    local from, to = whole:find(token, 1, true)
    local before, after = whole:sub(1, from - 1), whole:sub(to + 1)
    if mode == "fresh" then
        local left = math.floor(file:seek("end") / length / count)
        file:seek("set", number * left * length)
        function request()
            left = left - 1
            if left < 0 then
                exhausted = 1
                wrk.thread:stop()
                return whole
            end
            return before .. file:read("*l") .. after
        end
        return
    end
    local walking = mode == "walk"
    local at = math.floor(number * tokens / count)
    file:seek("set", at * length)
    function request()
        if walking then
            if at == tokens then
                at = 0
                file:seek("set", 0)
            end
            at = at + 1
        else
            file:seek("set", math.random(0, tokens - 1) * length)
        end
        return before .. file:read("*l") .. after
    end
end

function done(summary, latency)
    local exhausted = 0
    for _, thread in ipairs(threads) do
        exhausted = exhausted + thread:get("exhausted")
    end
    local errors = summary.errors
    io.write(string.format(
        '{"requests": %d, "seconds": %f, "bytes": %d, "refused": %d, "broken": %d, "exhausted": %d, '
            .. '"p50": %d, "p99": %d, "p999": %d}\n',
        summary.requests, summary.duration / 1e6, summary.bytes, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout, exhausted,
        latency:percentile(50), latency:percentile(99), latency:percentile(99.9)
    ))
end
