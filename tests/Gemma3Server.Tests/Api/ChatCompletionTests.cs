using System.Net;
using System.Text.Json;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api;

public sealed class ChatCompletionTests
{
    private const string Head = """{"id":"chatcmpl-ID","object":"chat.completion.chunk","created":1800000000,"model":"gemma-test","system_fingerprint":"fp_X",""";

    [Fact]
    public async Task Post_WholeAnswer_HasOpenAiBody()
    {
        await using var server = await TestServer.StartAsync("Hallo <b>'Wörld'</b>");
        using var response = await server.PostAsync(TestServer.Chat());
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.ToString());
        Assert.Equal(
            """{"id":"chatcmpl-ID","object":"chat.completion","created":1800000000,"model":"gemma-test","choices":[{"index":0,"message":{"role":"assistant","content":"Hallo <b>'Wörld'</b>","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":18,"completion_tokens":22,"total_tokens":40,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"accepted_prediction_tokens":0,"rejected_prediction_tokens":0},"cache_explanation":{"reused_tokens":0,"source":"none","diverged_at":0,"reason":"never_seen"}},"system_fingerprint":"fp_X"}""",
            await TestServer.ReadAsync(response));
    }

    [Fact]
    public async Task Post_Stream_HasOpenAiEvents()
    {
        await using var server = await TestServer.StartAsync("Hé!");
        using var response = await server.PostAsync(TestServer.Chat("\"stream\":true"));
        Assert.Equal("text/event-stream; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        Assert.Equal("no-cache", response.Headers.CacheControl?.ToString());
        Assert.Equal("no", response.Headers.GetValues("X-Accel-Buffering").Single());
        Assert.Equal(
            Event("""{"role":"assistant","content":""}""") + Event("""{"content":"H"}""") + Event("""{"content":"é"}""")
            + Event("""{"content":"!"}""") + Event("{}", "\"stop\"") + "data: [DONE]\n\n",
            await TestServer.ReadAsync(response));
    }

    [Fact]
    public async Task Post_StreamWithUsage_HasUsageInLastChunkAndNullBefore()
    {
        await using var server = await TestServer.StartAsync("ab");
        using var response = await server.PostAsync(
            TestServer.Chat("""
                "stream":true,"stream_options":{"include_usage":true},"max_tokens":1
                """));
        const string Null = ",\"usage\":null";
        const string Usage = ""","usage":{"prompt_tokens":18,"completion_tokens":1,"total_tokens":19,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"accepted_prediction_tokens":0,"rejected_prediction_tokens":0},"cache_explanation":{"reused_tokens":0,"source":"none","diverged_at":0,"reason":"never_seen"}}""";
        Assert.Equal(
            Event("""{"role":"assistant","content":""}""", end: Null) + Event("""{"content":"a"}""", end: Null)
            + Event("{}", "\"length\"", Null) + $"data: {Head}\"choices\":[]{Usage}}}\n\n" + "data: [DONE]\n\n",
            await TestServer.ReadAsync(response));
    }

    [Fact]
    public async Task Post_SecondTurn_ReportsCachedTokens()
    {
        await using var server = await TestServer.StartAsync("ab");
        (await server.PostAsync(TestServer.Chat())).Dispose();
        using var response = await server.PostAsync(
            """{"model":"gemma-test","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"ab"},{"role":"user","content":"more"}]}""");
        using var body = JsonDocument.Parse(await TestServer.ReadAsync(response));
        var usage = body.RootElement.GetProperty("usage");
        var cached = usage.GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32();
        Assert.InRange(cached, 1, usage.GetProperty("prompt_tokens").GetInt32() - 1);
        var explanation = usage.GetProperty("cache_explanation");
        Assert.Equal((cached, "idle"), (explanation.GetProperty("reused_tokens").GetInt32(), explanation.GetProperty("source").GetString()));
        Assert.Equal(cached, explanation.GetProperty("diverged_at").GetInt32());
        Assert.False(explanation.TryGetProperty("reason", out _));
    }

    [Fact]
    public async Task Post_CachePromptFalse_ExplainsThatReuseWasDisabled()
    {
        await using var server = await TestServer.StartAsync("ab");
        (await server.PostAsync(TestServer.Chat())).Dispose();
        using var response = await server.PostAsync(TestServer.Chat("\"cache_prompt\":false"));
        using var body = JsonDocument.Parse(await TestServer.ReadAsync(response));
        var explanation = body.RootElement.GetProperty("usage").GetProperty("cache_explanation");
        Assert.Equal((0, "none", "disabled"), (explanation.GetProperty("reused_tokens").GetInt32(),
            explanation.GetProperty("source").GetString(), explanation.GetProperty("reason").GetString()));
    }

    [Fact]
    public async Task Post_StopString_EndsAndStaysHidden()
    {
        await using var server = await TestServer.StartAsync("one. two. three.");
        using var response = await server.PostAsync(TestServer.Chat("\"stop\":[\"zzz\",\". t\"]"));
        using var body = JsonDocument.Parse(await TestServer.ReadAsync(response));
        var choice = body.RootElement.GetProperty("choices")[0];
        Assert.Equal("one", choice.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal("stop", choice.GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task Post_WithoutMaxTokens_RunsToTheEndOfTheContext()
    {
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { ContextLength = 64, Next = _ => FakeTokenizer.FirstByte + 'x' });
        using var response = await server.PostAsync(TestServer.Chat());
        using var body = JsonDocument.Parse(await TestServer.ReadAsync(response));
        Assert.Equal(64, body.RootElement.GetProperty("usage").GetProperty("total_tokens").GetInt32());
        Assert.Equal("length", body.RootElement.GetProperty("choices")[0].GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task Post_SameSeed_GivesSameAnswer()
    {
        await using var server = await TestServer.StartAsync();
        const string Body = "\"seed\":-7,\"max_tokens\":24,\"ignore_eos\":true,\"cache_prompt\":false,\"top_p\":0.9,\"top_k\":20,\"min_p\":0.01,\"typical_p\":0.9,"
            + "\"presence_penalty\":0.5,\"frequency_penalty\":0.5,\"repeat_penalty\":1.1,\"logit_bias\":{\"300\":5}";
        using var first = await server.PostAsync(TestServer.Chat(Body));
        using var second = await server.PostAsync(TestServer.Chat(Body));
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.Equal(await TestServer.ReadAsync(first), await TestServer.ReadAsync(second));
    }

    [Fact]
    public async Task Post_LogitBias_ForcesToken()
    {
        await using var server = await TestServer.StartAsync();
        using var response = await server.PostAsync(TestServer.Chat($"\"temperature\":0,\"max_tokens\":3,\"logit_bias\":{{\"{FakeTokenizer.FirstByte + 'q'}\":100}}"));
        using var body = JsonDocument.Parse(await TestServer.ReadAsync(response));
        Assert.Equal("qqq", body.RootElement.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());
    }

    [Fact]
    public async Task Post_IgnoredParameters_AreNamedInHeader()
    {
        await using var server = await TestServer.StartAsync("a");
        using var response = await server.PostAsync(TestServer.Chat(
            """
            "user":"u","safety_identifier":"s","prompt_cache_key":"k","store":true,"metadata":{"a":"b"},"reasoning_effort":"low","verbosity":"high",
            "service_tier":null,"my_field":1,"we\nird":1,"stream":true,"stream_options":{"include_obfuscation":true}
            """));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("(unprintable),metadata,my_field,prompt_cache_key,reasoning_effort,safety_identifier,store,stream_options.include_obfuscation,user,verbosity",
            response.Headers.GetValues("x-ignored-params").Single());
    }

    [Fact]
    public async Task Post_FieldsThatAskForWhatHappensAnyway_AreNotIgnored()
    {
        await using var server = await TestServer.StartAsync("a");
        using var response = await server.PostAsync(
            TestServer.Chat("""
                "store":false,"metadata":{},"reasoning_effort":"none","tools":[],"tool_choice":"none","n":1,"logprobs":false,"top_logprobs":0,"parallel_tool_calls":true,
                "response_format":{"type":"text"},"modalities":["text"],"min_tokens":0,"stop_token_ids":[],"add_generation_prompt":true,
                "continue_final_message":false,"prediction":null,"stream":true,"stream_options":{"include_obfuscation":false}
                """),
            ("x-strict", "1"));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.False(response.Headers.Contains("x-ignored-params"));
    }

    [Fact]
    public async Task Post_IgnoredParameterWhenStrict_IsRefused()
    {
        await using var server = await TestServer.StartAsync("a");
        using var response = await server.PostAsync(TestServer.Chat("\"user\":\"u\""), ("x-strict", "1"));
        Assert.Equal(
            """{"error":{"message":"'user' has no effect on this server.","type":"invalid_request_error","param":"user","code":"unsupported_parameter"}}""",
            await TestServer.ErrorAsync(response, HttpStatusCode.BadRequest));
    }

    [Theory]
    [InlineData("auto", "default")]
    [InlineData("default", "default")]
    [InlineData("flex", "flex")]
    [InlineData("priority", "priority")]
    public async Task Post_ServiceTier_IsEchoedAsUsed(string given, string used)
    {
        await using var server = await TestServer.StartAsync("a");
        using var whole = await server.PostAsync(TestServer.Chat($"\"service_tier\":\"{given}\""));
        Assert.Contains($",\"service_tier\":\"{used}\",\"system_fingerprint\":", await TestServer.ReadAsync(whole), StringComparison.Ordinal);
        Assert.False(whole.Headers.Contains("x-ignored-params"));
        using var stream = await server.PostAsync(TestServer.Chat($"\"service_tier\":\"{given}\",\"stream\":true"));
        foreach (var line in (await TestServer.ReadAsync(stream)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[..^1])
            Assert.Contains($"\"service_tier\":\"{used}\"", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1", 0)]
    [InlineData("0", 1)]
    public async Task Post_DeterministicHeader_TurnsReuseOff(string value, int leastCached)
    {
        await using var server = await TestServer.StartAsync("ab");
        for (var i = 0; i < 2; i++)
        {
            using var response = await server.PostAsync(TestServer.Chat(), ("x-deterministic", value), ("x-request-timeout", "86400"));
            using var body = JsonDocument.Parse(await TestServer.ReadAsync(response));
            var cached = body.RootElement.GetProperty("usage").GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32();
            Assert.True(i == 0 || cached >= leastCached && (leastCached > 0 || cached == 0), $"{cached} cached");
        }
    }

    /// <summary>Where conversations share cells nobody can promise it, so nobody gets less without a word.</summary>
    [Fact]
    public async Task Post_DeterministicHeaderOnSharedCells_IsRefused()
    {
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { SharedCells = 4096, Next = ScriptedReply.Of("ab") });
        using var refused = await server.PostAsync(TestServer.Chat(), ("x-deterministic", "1"));
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        using var body = JsonDocument.Parse(await TestServer.ReadAsync(refused));
        var error = body.RootElement.GetProperty("error");
        Assert.Equal("x-deterministic", error.GetProperty("param").GetString());
        Assert.Contains("Runtime:SharedCells", error.GetProperty("message").GetString(), StringComparison.Ordinal);
        using var allowed = await server.PostAsync(TestServer.Chat(), ("x-deterministic", "0"));
        Assert.Equal(HttpStatusCode.OK, allowed.StatusCode);
    }

    /// <summary>Where nothing is generated the header has no meaning, and is no reason to refuse.</summary>
    [Theory]
    [InlineData("/apply-template", """{"messages":[{"role":"user","content":"Hi"}]}""")]
    [InlineData("/v1/chat/completions/input_tokens", """{"messages":[{"role":"user","content":"Hi"}]}""")]
    [InlineData("/v1/responses/input_tokens", """{"input":"Hi"}""")]
    [InlineData("/tokenize", """{"content":"Hi"}""")]
    [InlineData("/detokenize", """{"tokens":[300]}""")]
    [InlineData("/v1/embeddings", """{"model":"gemma-test","input":"Hi"}""")]
    public async Task Post_DeterministicHeaderWhereNothingIsGenerated_HasNoMeaning(string path, string body)
    {
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { SharedCells = 4096 });
        using var answer = await server.PostToAsync(path, body, ("x-deterministic", "1"));
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private static string Event(string delta, string finishReason = "null", string end = "") =>
        $"data: {Head}\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finishReason}}}]{end}}}\n\n";
}
