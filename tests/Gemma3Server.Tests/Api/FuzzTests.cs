using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;
using Gemma3Server.Tests.Support.Shapes;

namespace Gemma3Server.Tests.Api;

/// <summary>Spoiled requests: none may be met with a 5xx, hang, or leave anything behind.</summary>
public sealed class FuzzTests
{
    private const string AdminKey = "admin";
    private const int Requests = 5000;
    private const int AtOnce = 8;

    /// <summary>
    /// Valid bodies, by route, beside the examples of the API's document. Answers are short, so that what stays valid ends soon.
    /// </summary>
    private static readonly (string Path, string Body)[] Chats =
    [
        ("/v1/chat/completions", """{"messages":[{"role":"user","content":"Hi"}],"max_tokens":6}"""),
        ("/v1/chat/completions", """
            {"model":"gemma-test","messages":[{"role":"system","content":"Be kind."},{"role":"user","content":[{"type":"text","text":"é"},{"type":"text","text":"b"}]},
            {"role":"assistant","content":"c"},{"role":"user","content":"d","name":"n"}],"max_completion_tokens":6,"stream":true,"stream_options":{"include_usage":true}}
            """),
        ("/v1/chat/completions", """
            {"messages":[{"role":"user","content":"Hi"}],"max_tokens":6,"n":3,"seed":1,"logprobs":true,"top_logprobs":3,"stop":["ab","c"],"temperature":0.7,"top_p":0.9,
            "top_k":20,"min_p":0.01,"typical_p":0.9,"presence_penalty":0.5,"frequency_penalty":-0.5,"repeat_penalty":1.1,"logit_bias":{"300":5,"301":-100}}
            """),
        ("/v1/chat/completions", """
            {"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"The"}],"max_tokens":6,"continue_final_message":true,"min_tokens":2,
            "stop_token_ids":[300,301],"ignore_eos":true,"cache_prompt":false,"service_tier":"flex","prediction":{"type":"content","content":"abc"}}
            """),
        ("/v1/chat/completions", """
            {"messages":[{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","content":"a","tool_call_id":"b"}],"max_tokens":6,"user":"u","safety_identifier":"s","store":false,
            "metadata":{"a":"b"},"prompt_cache_key":"k","reasoning_effort":"low","verbosity":"low","modalities":["text"],"response_format":{"type":"text"},
            "tools":[],"tool_choice":"none","add_generation_prompt":true,"stream":true,"stream_options":{"include_obfuscation":false}}
            """),
        ("/v1/chat/completions", """
            {"messages":[{"role":"user","content":"Hi"}],"max_tokens":6,"tools":[{"type":"function","function":{"name":"f","description":"d","strict":true,"parameters":
            {"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}],"parallel_tool_calls":false,
            "tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}}}
            """),
        ("/v1/responses", """{"input":"Hi","max_output_tokens":6,"instructions":"Be kind.","temperature":0.5,"top_p":0.9,"metadata":{"a":"b"},"store":false}"""),
        ("/v1/responses", """
            {"input":[{"role":"developer","content":"é"},{"type":"message","role":"user","content":[{"type":"input_text","text":"a"}],"id":"msg_1","status":"completed"},
            {"role":"assistant","content":[{"type":"output_text","text":"b","annotations":[],"logprobs":[]}]},{"role":"user","content":"c"}],"max_output_tokens":6,
            "stream":true,"include":["message.output_text.logprobs"],"top_logprobs":2,"truncation":"auto","text":{"format":{"type":"text"},"verbosity":"low"},
            "reasoning":{"effort":"low"},"parallel_tool_calls":true,"tools":[],"tool_choice":"auto","user":"u","seed":1}
            """),
        ("/v1/responses", """{"input":[{"role":"user","content":"Hi"}],"max_output_tokens":3,"background":true,"previous_response_id":null,"stream_options":null}"""),
        ("/v1/responses/input_tokens", """{"input":"Hi","instructions":"Be kind."}"""),
        ("/v1/completions", """
            {"model":"gemma-test","prompt":["Hi","é"],"max_tokens":6,"n":2,"best_of":3,"seed":1,"logprobs":2,"suffix":"","stop":["ab"],"temperature":0.7}
            """),
        ("/v1/completions", """
            {"prompt":[[2,310],[335]],"max_tokens":4,"echo":true,"stream":true,"stream_options":{"include_usage":true},"min_tokens":1,"user":"u"}
            """),
        ("/v1/embeddings", """{"model":"gemma-test","input":["Hi","é"],"encoding_format":"base64","dimensions":4,"user":"u"}"""),
        ("/v1/embeddings", """{"input":[[2,310],[335]],"encoding_format":"float"}"""),
        ("/tokenize", """{"content":"é","add_special":true,"with_pieces":true,"parse_special":false}"""),
        ("/detokenize", """{"tokens":[2,310,433]}"""),
    ];

    private static readonly string[] Names =
    [
        "input", "instructions", "max_output_tokens", "previous_response_id", "background", "truncation", "include", "text", "format", "reasoning", "effort",
        "model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "min_p", "typical_p", "n", "seed",
        "stop", "logit_bias", "logprobs", "top_logprobs", "min_tokens", "stop_token_ids", "ignore_eos", "cache_prompt", "prediction", "metadata", "user", "store",
        "tools", "tool_choice", "parallel_tool_calls", "functions", "function", "parameters", "arguments", "strict", "properties", "response_format", "modalities", "audio", "service_tier", "continue_final_message", "add_generation_prompt", "role",
        "content", "type", "text", "name", "tool_calls", "tool_call_id", "refusal", "include_usage", "reasoning_effort", "verbosity", "presence_penalty",
        "prompt", "best_of", "echo", "suffix", "input", "encoding_format", "dimensions", "tokens", "add_special", "with_pieces",
    ];

    private static readonly (string Name, string Value)[] Headers =
    [
        ("x-strict", "1"), ("x-strict", "yes"), ("x-deterministic", "1"), ("x-deterministic", "maybe"), ("x-request-timeout", "60"),
        ("x-request-timeout", "-1"), ("x-request-id", "a b"), ("Authorization", "Bearer x"),
    ];

    [Fact(Timeout = 300_000)]
    public async Task Post_SpoiledRequests_NeverFailTheServer()
    {
        await using var server = await TestServer.StartAsync(
            new FakeRuntimeOptions { ContextLength = 256, SlidingWindow = 32 },
            new() { Http = new() { MaxBodyBytes = 64 * 1024, AdminKeys = [AdminKey] }, Engine = new() { QueueLimit = 512 } });
        var examples = await ExamplesAsync(server);
        Assert.Contains(examples, example => example.Path == "/v1/responses");
        var answers = new ConcurrentBag<(string Path, int Status)>();
        await Parallel.ForAsync(0, Requests, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (i, _) =>
        {
            if (await SendAsync(server, i, i % 2 == 0 ? Chats : examples) is { } answer) answers.Add(answer);
        });

        // Had nothing stayed valid, or everything, the test would show little.
        Assert.InRange(answers.Count(answer => answer.Status == 200), Requests / 20, Requests / 2);
        Assert.InRange(answers.Count(answer => answer.Status == 400), Requests / 4, Requests);
        foreach (var path in examples.Select(example => example.Path).Distinct())
            Assert.True(answers.Contains((path, 200)) && answers.Contains((path, 400)), $"{path} was not answered, or not refused");
        await TestServer.UntilAsync(() => server.Engine.Statistics is { Running: 0, Waiting: 0 });
        await server.Engine.CheckIntegrityAsync();
        using var last = await server.PostAsync(TestServer.Chat("\"max_tokens\":4,\"ignore_eos\":true"));
        Assert.Equal(4, Assert.Single(await ChatBodies.WholeAsync(last)).Text.Length);
    }

    private static async Task<(string Path, string Body)[]> ExamplesAsync(TestServer server)
    {
        var document = JsonNode.Parse(await server.Client.GetStringAsync("/swagger/v1/swagger.json", TestContext.Current.CancellationToken))!;
        var examples = new List<(string, string)>();
        foreach (var (path, item) in document["paths"]!.AsObject())
        {
            if (item!["post"]?["requestBody"]?["content"]?["application/json"]?["schema"]?["$ref"]?.GetValue<string>() is not { } reference) continue;
            if (path == "/models/unload") continue; // would end the engine that is looked at in the end
            foreach (var example in document["components"]!["schemas"]![reference.Split('/')[^1]]!["examples"]!.AsArray())
            {
                if (example!["model"] is not null) example["model"] = TestServer.ModelId;
                examples.Add((path, example.ToJsonString()));
            }
        }

        return [.. examples];
    }

    /// <summary>Sends one spoiled request and checks its answer; null when the client left midway.</summary>
    private static async Task<(string Path, int Status)?> SendAsync(TestServer server, int seed, (string Path, string Body)[] bodies)
    {
        var random = new Random(seed);
        var (path, valid) = bodies[random.Next(bodies.Length)];
        var body = new JsonMutator(seed).Mutate(valid, Names);
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", random.Next(40) == 0 ? "text/plain" : "application/json");
        if (random.Next(4) == 0)
        {
            var (name, value) = Headers[random.Next(Headers.Length)];
            request.Headers.TryAddWithoutValidation(name, value);
        }

        if (path.StartsWith("/models/", StringComparison.Ordinal)) request.Headers.Authorization = new("Bearer", AdminKey);
        var leaves = random.Next(20) == 0;
        using var client = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        try
        {
            var sending = server.Client.SendAsync(request, HttpCompletionOption.ResponseContentRead, client.Token);
            if (leaves)
            {
                await Task.Yield();
                await client.CancelAsync();
            }

            using var response = await sending;
            var (status, text) = ((int)response.StatusCode, await response.Content.ReadAsStringAsync(client.Token));
            var what = $"request {seed} got {status}: {text}\n{Encoding.UTF8.GetString(body)[..Math.Min(body.Length, 2000)]}";
            Assert.True(status is 200 or 400 or 404 or 413 or 415, what);
            Assert.True(response.Headers.Contains("x-request-id"), what);
            Assert.False(status == 200 && text.Contains("data: {\"error\":", StringComparison.Ordinal), what);
            Assert.True(status == 200 || text.StartsWith("{\"error\":{", StringComparison.Ordinal), what);
            OpenAiShapes.Check(text);
            return (path, status);
        }
        catch (OperationCanceledException) when (leaves)
        {
            return null;
        }
    }
}
