using System.Net;
using System.Text.Json;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api;

public sealed class CompletionsTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private const string Path = "/v1/completions";
    private const string Usage = """{"prompt_tokens":3,"completion_tokens":3,"total_tokens":6,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"accepted_prediction_tokens":0,"rejected_prediction_tokens":0},"cache_explanation":{"reused_tokens":0,"source":"none","diverged_at":0,"reason":"never_seen"}}""";

    [Fact]
    public async Task Post_OneText_HasOpenAiBody()
    {
        await using var server = await AnsweringAsync("ok");
        using var response = await server.PostToAsync(Path, """{"model":"gemma-test","prompt":"Hi"}""");
        Assert.Equal("application/json", response.Content.Headers.ContentType?.ToString());
        Assert.Equal(
            $$$"""{"id":"cmpl-ID","object":"text_completion","created":1800000000,"model":"gemma-test","system_fingerprint":"fp_X","choices":[{"text":"ok","index":0,"logprobs":null,"finish_reason":"stop"}],"usage":{{{Usage}}}}""",
            await ReadAsync(response));
    }

    [Fact]
    public async Task Post_Stream_HasOpenAiEvents()
    {
        await using var server = await AnsweringAsync("ok");
        using var response = await server.PostToAsync(Path, """{"prompt":"Hi","stream":true}""");
        Assert.Equal("text/event-stream; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        Assert.Equal("no", response.Headers.GetValues("X-Accel-Buffering").Single());
        Assert.Equal(Event("o") + Event("k") + Event("", "\"stop\"") + "data: [DONE]\n\n", await ReadAsync(response));
    }

    [Fact]
    public async Task Post_StreamWithUsageAndEcho_BeginsWithThePromptAndEndsWithTheCounts()
    {
        await using var server = await AnsweringAsync("ok");
        using var response = await server.PostToAsync(Path, """{"prompt":"Hi","stream":true,"echo":true,"stream_options":{"include_usage":true}}""");
        const string Null = ",\"usage\":null";
        var last = Event("", "null", $",\"usage\":{Usage}").Replace("""{"text":"","index":0,"logprobs":null,"finish_reason":null}""", "", StringComparison.Ordinal);
        Assert.Equal(
            Event("Hi", end: Null) + Event("o", end: Null) + Event("k", end: Null) + Event("", "\"stop\"", Null) + last + "data: [DONE]\n\n",
            await ReadAsync(response));
    }

    [Theory]
    [InlineData("\"a\"", "a")]
    [InlineData("\"\"", "")]
    [InlineData("\"<bos>\"", "<bos>")]
    [InlineData("[\"a\",\"bcd\"]", "a", "bcd")]
    [InlineData("[335]", "a")]
    [InlineData("[2,335]", "a")]
    [InlineData("[[2,335],[336,337]]", "a", "bc")]
    public async Task Post_EchoOfAnyPrompt_GivesPromptsInOrder(string prompt, params string[] texts)
    {
        await using var server = await AnsweringAsync("ok");
        var choices = await PostAsync(server, $$"""{"prompt":{{prompt}},"echo":true,"max_tokens":1,"ignore_eos":true}""");
        Assert.Equal(texts.Select(text => text + "o"), choices.Select(choice => choice.GetProperty("text").GetString()));
        Assert.Equal(Enumerable.Range(0, texts.Length), choices.Select(choice => choice.GetProperty("index").GetInt32()));
        Assert.All(choices, choice => Assert.Equal("length", choice.GetProperty("finish_reason").GetString()));
    }

    [Fact]
    public async Task Post_Text_IsComputedRawBehindOneBeginningToken()
    {
        IReadOnlyList<int>? seen = null;
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { Next = held => { seen ??= [.. held]; return FakeTokenizer.EndOfTurn; } });
        (await server.PostToAsync(Path, """{"prompt":"<start_of_turn>"}""")).Dispose();
        Assert.Equal([FakeTokenizer.Bos, .. new FakeTokenizer().Tokenize("<start_of_turn>")], seen);
    }

    [Fact]
    public async Task Post_NoTokenLimit_EndsAfterSixteen()
    {
        var choice = Assert.Single(await PostAsync(shared.Server, """{"prompt":"abc","ignore_eos":true,"seed":1}"""));
        Assert.Equal((16, "length"), (choice.GetProperty("text").GetString()!.Length, choice.GetProperty("finish_reason").GetString()));
    }

    [Fact]
    public async Task Post_StopString_EndsBeforeIt()
    {
        await using var server = await AnsweringAsync("one\ntwo");
        var choice = Assert.Single(await PostAsync(server, """{"prompt":"Hi","stop":["\n"]}"""));
        Assert.Equal(("one", "stop"), (choice.GetProperty("text").GetString(), choice.GetProperty("finish_reason").GetString()));
    }

    [Fact]
    public async Task Post_SeveralPromptsAndAnswers_EqualSingleRequestsWithTheirSeeds()
    {
        await using var server = await TestServer.StartAsync();
        var all = await PostAsync(server, """{"prompt":["ab","cd"],"n":3,"seed":7,"max_tokens":12}""");
        var singles = new List<string?>();
        foreach (var prompt in (string[])["ab", "cd"])
        {
            for (var seed = 7; seed < 10; seed++)
                singles.Add(Assert.Single(await PostAsync(server, $$"""{"prompt":"{{prompt}}","seed":{{seed}},"max_tokens":12}""")).GetProperty("text").GetString());
        }

        Assert.Equal(singles, all.Select(choice => choice.GetProperty("text").GetString()));
        Assert.Equal(6, singles.Distinct().Count());
    }

    [Fact]
    public async Task Post_StreamOfSeveral_GivesTheTextsAndLogprobsOfTheWholeAnswer()
    {
        await using var server = await TestServer.StartAsync();
        const string Fields = """ "prompt":["ab","cd"],"n":2,"seed":7,"max_tokens":12,"logprobs":2 """;
        var whole = await PostAsync(server, $"{{{Fields}}}");
        using var response = await server.PostToAsync(Path, $"{{{Fields},\"stream\":true}}");
        var events = ChatBodies.Events(await ReadAsync(response)).Select(e => Assert.Single(e.GetProperty("choices").EnumerateArray())).ToArray();
        for (var index = 0; index < 4; index++)
        {
            var own = events.Where(choice => choice.GetProperty("index").GetInt32() == index).ToArray();
            Assert.Equal(whole[index].GetProperty("text").GetString(), string.Concat(own.Select(choice => choice.GetProperty("text").GetString())));
            Assert.All(own[..^1], choice => Assert.Equal(JsonValueKind.Null, choice.GetProperty("finish_reason").ValueKind));
            Assert.Equal(whole[index].GetProperty("finish_reason").GetString(), own[^1].GetProperty("finish_reason").GetString());
            foreach (var list in (string[])["tokens", "token_logprobs", "top_logprobs", "text_offset"])
            {
                Assert.Equal(
                    whole[index].GetProperty("logprobs").GetProperty(list).EnumerateArray().Select(item => item.GetRawText()),
                    own.Where(choice => choice.GetProperty("logprobs").ValueKind != JsonValueKind.Null)
                        .SelectMany(choice => choice.GetProperty("logprobs").GetProperty(list).EnumerateArray()).Select(item => item.GetRawText()));
            }
        }
    }

    [Fact]
    public async Task Post_Logprobs_HasTheLegacyForm()
    {
        await using var server = await AnsweringAsync("né🙂!");
        var logprobs = Assert.Single(await PostAsync(server, """{"prompt":"Hi","logprobs":1}""")).GetProperty("logprobs");
        Assert.Equal(
            """["n","\\xc3","\\xa9","\\xf0","\\x9f","\\x99","\\x82","!"]""", logprobs.GetProperty("tokens").GetRawText().Replace("\\\\", "\\\\", StringComparison.Ordinal));
        Assert.Equal("[0,1,1,2,2,2,2,3]", logprobs.GetProperty("text_offset").GetRawText());
        Assert.All(logprobs.GetProperty("token_logprobs").EnumerateArray(), value => Assert.InRange(value.GetSingle(), -0.001f, 0f));
        var tops = logprobs.GetProperty("top_logprobs").EnumerateArray().ToArray();
        Assert.Equal(["n", "\\xc3", "\\xa9", "\\xf0", "\\x9f", "\\x99", "\\x82", "!"], tops.Select(top => Assert.Single(top.EnumerateObject()).Name));
    }

    [Fact]
    public async Task Post_LogprobsOfAnImprobableToken_AddItToTheMostProbable()
    {
        await using var server = await TestServer.StartAsync();
        var logprobs = Assert.Single(await PostAsync(server, """{"prompt":"Hi","logprobs":2,"seed":3,"max_tokens":10,"ignore_eos":true}""")).GetProperty("logprobs");
        var tokens = logprobs.GetProperty("tokens").EnumerateArray().Select(token => token.GetString()!).ToArray();
        var values = logprobs.GetProperty("token_logprobs").EnumerateArray().Select(value => value.GetSingle()).ToArray();
        var tops = logprobs.GetProperty("top_logprobs").EnumerateArray().Select(top => top.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetSingle())).ToArray();
        for (var i = 0; i < tokens.Length; i++)
        {
            Assert.Equal(values[i], tops[i][tokens[i]]);
            Assert.InRange(tops[i].Count, 2, 3);
            Assert.Equal(tops[i].Count == 3, tops[i].Values.Order().First() == values[i] && tops[i].Values.Count(v => v > values[i]) == 2);
        }

        Assert.Contains(tops, top => top.Count == 3);
    }

    [Fact]
    public async Task Post_BestOf_GivesThoseOfTheHighestMeanLogprob()
    {
        await using var server = await TestServer.StartAsync();
        var all = await PostAsync(server, """{"prompt":"Hi","n":8,"seed":5,"max_tokens":10,"logprobs":0}""");
        var ranked = all.OrderByDescending(choice => choice.GetProperty("logprobs").GetProperty("token_logprobs").EnumerateArray()
            .Select(value => (double)value.GetSingle()).DefaultIfEmpty(double.NegativeInfinity).Average()).Select(choice => choice.GetProperty("text").GetString()).ToArray();
        var body = await BodyAsync(server, """{"prompt":"Hi","n":2,"best_of":8,"seed":5,"max_tokens":10}""");
        var best = body.GetProperty("choices").EnumerateArray().ToArray();
        Assert.Equal(ranked[..2], best.Select(choice => choice.GetProperty("text").GetString()));
        Assert.Equal([0, 1], best.Select(choice => choice.GetProperty("index").GetInt32()));
        Assert.All(best, choice => Assert.Equal(JsonValueKind.Null, choice.GetProperty("logprobs").ValueKind));

        // What was not chosen was generated all the same.
        Assert.Equal(all.Sum(Tokens), body.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        Assert.Equal(3, body.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());

        static int Tokens(JsonElement choice) =>
            choice.GetProperty("logprobs").GetProperty("tokens").GetArrayLength() + (choice.GetProperty("finish_reason").GetString() == "stop" ? 1 : 0);
    }

    [Fact]
    public async Task Post_SeveralPrompts_CountsEachOnce()
    {
        await using var server = await AnsweringAsync("ok");
        var usage = (await BodyAsync(server, """{"prompt":["Hi","abcd"],"n":2,"max_tokens":2}""")).GetProperty("usage");
        Assert.Equal((8, 8, 16), (usage.GetProperty("prompt_tokens").GetInt32(), usage.GetProperty("completion_tokens").GetInt32(), usage.GetProperty("total_tokens").GetInt32()));
        Assert.False(usage.TryGetProperty("cache_explanation", out _));
    }

    [Theory]
    [InlineData("", "prompt", "missing_required_parameter", "'prompt'")]
    [InlineData("\"prompt\":null", "prompt", "missing_required_parameter", "'prompt'")]
    [InlineData("\"prompt\":{}", "prompt", "invalid_type", "expected a string, an array of strings, an array of token ids or an array of arrays of token ids, but got an object")]
    [InlineData("\"prompt\":[]", "prompt", "invalid_value", "but is an empty array")]
    [InlineData("\"prompt\":[\"a\",[5]]", "prompt[1]", "invalid_type", "expected a string, but got an array")]
    [InlineData("\"prompt\":[[5],[512]]", "prompt[1][0]", "invalid_value", "from 0 to 511, but is 512")]
    [InlineData("\"prompt\":\"\\ud800\"", "prompt", "invalid_type", "half a surrogate pair")]
    [InlineData("\"prompt\":\"a\",\"max_tokens\":0", "max_tokens", "invalid_value", "at least 1, but is 0")]
    [InlineData("\"prompt\":\"a\",\"max_tokens\":63", "prompt", "context_length_exceeded", "64 tokens, but the request needs 65 (2 in the prompt, 63 in the completion)")]
    [InlineData("\"prompt\":[\"a\",\"0123456789012345678901234567890123456789012345678901234567890123\"]", "prompt[1]", "context_length_exceeded", "64 tokens, but the prompt[1] has at least 65 tokens")]
    [InlineData("\"prompt\":\"a\",\"temperature\":3", "temperature", "invalid_value", "from 0 to 2, but is 3")]
    [InlineData("\"prompt\":\"a\",\"n\":0", "n", "invalid_value", "from 1 to 16, but is 0")]
    [InlineData("\"prompt\":\"a\",\"n\":17", "n", "invalid_value", "from 1 to 16, but is 17")]
    [InlineData("\"prompt\":\"a\",\"n\":3,\"best_of\":2", "best_of", "invalid_value", "at least 'n' (3), but is 2")]
    [InlineData("\"prompt\":\"a\",\"best_of\":17", "best_of", "invalid_value", "from 1 to 16, but is 17")]
    [InlineData("\"prompt\":\"a\",\"best_of\":2,\"stream\":true", "best_of", "invalid_value", "when 'stream' is true")]
    [InlineData("\"prompt\":\"a\",\"logprobs\":6", "logprobs", "invalid_value", "from 0 to 5, but is 6")]
    [InlineData("\"prompt\":\"a\",\"logprobs\":true", "logprobs", "invalid_type", "expected an integer, but got true")]
    [InlineData("\"prompt\":\"a\",\"logprobs\":1,\"echo\":true", "logprobs", "unsupported_value", "when 'echo' is true")]
    [InlineData("\"prompt\":\"a\",\"suffix\":\"b\"", "suffix", "unsupported_parameter", "Gemma 3 has no tokens for text to fill in")]
    [InlineData("\"prompt\":\"a\",\"stop\":[\"\"]", "stop[0]", "invalid_value", "at least 1 character")]
    [InlineData("\"prompt\":\"a\",\"min_tokens\":17", "min_tokens", "invalid_value", "at most the 16 tokens")]
    [InlineData("\"prompt\":\"a\",\"stream_options\":{}", "stream_options", "invalid_value", "only allowed when 'stream' is true")]
    [InlineData("\"prompt\":\"a\",\"response_format\":{\"type\":\"json_object\"}", "response_format", "unsupported_value", "{\"type\": \"text\"}")]
    public async Task Post_BadField_Is400WithParamAndCode(string fields, string param, string code, string message)
    {
        using var response = await shared.Server.PostToAsync(Path, $"{{{fields}}}");
        var error = JsonDocument.Parse(await TestServer.ErrorAsync(response, HttpStatusCode.BadRequest)).RootElement.GetProperty("error");
        Assert.Equal((param, code), (error.GetProperty("param").GetString(), error.GetProperty("code").GetString()));
        Assert.Contains(message, error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_MorePromptsThanTheQueueHolds_NamesTheBound()
    {
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { MaxSequences = 2 }, new() { Engine = new() { QueueLimit = 4 } });
        using var response = await server.PostToAsync(Path, """{"prompt":["a","b","c","d"],"n":2}""");
        Assert.Contains(
            "'prompt' must be at most 3 prompts with 2 generations each, but is 4.", await TestServer.ErrorAsync(response, HttpStatusCode.BadRequest), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_FieldsWithoutEffect_AreNamedAndRefusedWhenStrict()
    {
        const string Body = """{"prompt":"a","user":"me","use_beam_search":true,"suffix":"","max_tokens":1}""";
        using var named = await shared.Server.PostToAsync(Path, Body);
        Assert.Equal("use_beam_search,user", named.Headers.GetValues("x-ignored-params").Single());
        using var refused = await shared.Server.PostToAsync(Path, Body, ("x-strict", "1"));
        Assert.Contains("unsupported_parameter", await TestServer.ErrorAsync(refused, HttpStatusCode.BadRequest), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Post_RuntimeFailsBeforeTheFirstToken_Is500(bool stream)
    {
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { OnForward = _ => ForwardStatus.Failed });
        using var response = await server.PostToAsync(Path, $$"""{"prompt":["a","b"],"stream":{{(stream ? "true" : "false")}}}""");
        Assert.Contains("generation_failed", await TestServer.ErrorAsync(response, HttpStatusCode.InternalServerError), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_RuntimeFailsMidStream_EndsWithAnErrorEvent()
    {
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { OnForward = n => n >= 3 ? ForwardStatus.Failed : ForwardStatus.Ok });
        using var response = await server.PostToAsync(Path, """{"prompt":"a","stream":true,"ignore_eos":true}""");
        var events = (await ReadAsync(response)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("\"error\":{", events[^1], StringComparison.Ordinal);
        Assert.True(events.Length > 1);
    }

    [Fact]
    public async Task Post_ServerHasKeys_AsksForOne()
    {
        await using var server = await TestServer.StartAsync("a", new() { Http = new() { ApiKeys = ["key-1"] } });
        using var response = await server.PostToAsync(Path, "{}");
        Assert.Contains("invalid_api_key", await TestServer.ErrorAsync(response, HttpStatusCode.Unauthorized), StringComparison.Ordinal);
    }

    private static Task<TestServer> AnsweringAsync(string text)
    {
        // The prompt has no answer header here: whatever follows what was computed at first is the answer.
        var tokens = new FakeTokenizer().Tokenize(text);
        var prompts = new Dictionary<string, int>();
        return TestServer.StartAsync(new FakeRuntimeOptions
        {
            Next = held =>
            {
                var start = prompts.FirstOrDefault(p => string.Join(',', held).StartsWith(p.Key, StringComparison.Ordinal)).Value;
                if (start == 0) prompts[string.Join(',', held)] = start = held.Count;
                var generated = held.Count - start;
                return generated < tokens.Length ? tokens[generated] : FakeTokenizer.EndOfTurn;
            },
        });
    }

    private static string Event(string text, string finish = "null", string end = "") =>
        $$"""data: {"id":"cmpl-ID","object":"text_completion","created":1800000000,"model":"gemma-test","system_fingerprint":"fp_X","choices":[{"text":"{{text}}","index":0,"logprobs":null,"finish_reason":{{finish}}}]{{end}}}""" + "\n\n";

    private static async Task<string> ReadAsync(HttpResponseMessage response) =>
        System.Text.RegularExpressions.Regex.Replace(await TestServer.ReadAsync(response), "cmpl-[0-9a-f]{32}", "cmpl-ID");

    private static async Task<JsonElement> BodyAsync(TestServer server, string body)
    {
        using var response = await server.PostToAsync(Path, body);
        var text = await ReadAsync(response);
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        return JsonDocument.Parse(text).RootElement;
    }

    private static async Task<JsonElement[]> PostAsync(TestServer server, string body) =>
        [.. (await BodyAsync(server, body)).GetProperty("choices").EnumerateArray()];
}
