using System.ClientModel;
using System.ClientModel.Primitives;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Gemma3Server.Testing;
using OpenAI;
using OpenAI.Chat;

namespace Gemma3Server.EndToEndTests;

/// <summary>Real clients against the real executable on checkpoints of the published shapes.</summary>
public sealed class GenerationTests(GenerationTests.Server fixture) : IClassFixture<GenerationTests.Server>
{
    private const int Context = 4096;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private HttpClient Http => fixture.Process.Http;

    /// <summary>
    /// One server for all tests of the class, and one of the 1B shape for those that ask for it; with cells of each conversation's own, so that the same request
    /// gives the same text on a GPU, too.
    /// </summary>
    public sealed class Server : IAsyncLifetime
    {
        private ServerProcess? _larger;

        internal ServerProcess Process { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Process = await ServerProcess.StartAsync(
            "--model", Checkpoints.Path("270m"), "--parallel", "8", "--context", $"{Context}", "--api-key", "e2e-key", "--set", "Runtime:SharedCells=false");

        internal async Task<ServerProcess> OfAsync(string shape) => shape == "270m" ? Process : _larger ??= await ServerProcess.StartAsync(
            "--model", Checkpoints.Path(shape), "--parallel", "1", "--context", "1024", "--api-key", "e2e-key", "--set", "Runtime:SharedCells=false");

        public async ValueTask DisposeAsync()
        {
            await Process.DisposeAsync();
            if (_larger is not null) await _larger.DisposeAsync();
        }
    }

    public static TheoryData<string, int> Tokens => new() { { "270m", 24 }, { "1b", 6 } };

    public static TheoryData<string> Shapes => ["270m", "1b"];

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task Curl_Stream_PrintsChunksUntilDone(string shape)
    {
        await using var server = await ServerProcess.StartAsync("--model", Checkpoints.Path(shape), "--parallel", "1", "--context", "1024");
        var start = new ProcessStartInfo("curl") { RedirectStandardOutput = true };
        string[] arguments =
        [
            "-sN", $"{server.Address}v1/chat/completions", "-H", "Content-Type: application/json", "-d",
            """{"messages":[{"role":"user","content":"Hello"}],"max_tokens":8,"stream":true}""",
        ];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);

        using var curl = Process.Start(start)!;
        var lines = (await curl.StandardOutput.ReadToEndAsync(Cancellation)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.All(lines, line => Assert.StartsWith("data: ", line, StringComparison.Ordinal));
        Assert.Contains("\"role\":\"assistant\"", lines[0], StringComparison.Ordinal);
        Assert.True(lines.Length >= 4, string.Join('\n', lines));
        Assert.Equal("data: [DONE]", lines[^1]);
    }

    [Theory]
    [MemberData(nameof(Tokens))]
    public async Task OpenAiSdk_Completion_AnswersWithUsage(string shape, int tokens)
    {
        var sdk = Sdk(await fixture.OfAsync(shape), shape);
        var completion = (await sdk.CompleteChatAsync(
            [new SystemChatMessage("Be brief."), new UserChatMessage("Name a river.")], Options(tokens), Cancellation)).Value;

        Assert.NotEmpty(completion.Content[0].Text);
        Assert.InRange(completion.Usage.OutputTokenCount, 1, tokens);
        Assert.True(completion.Usage.InputTokenCount > 10);
        Assert.Equal(completion.Usage.TotalTokenCount, completion.Usage.InputTokenCount + completion.Usage.OutputTokenCount);
    }

    [Theory]
    [MemberData(nameof(Tokens))]
    public async Task OpenAiSdk_Streaming_GivesTheSameTextAsTheWholeAnswer(string shape, int tokens)
    {
        var sdk = Sdk(await fixture.OfAsync(shape), shape);
        ChatMessage[] messages = [new UserChatMessage("Name a mountain.")];
        var whole = (await sdk.CompleteChatAsync(messages, Options(tokens), Cancellation)).Value;
        var streamed = new StringBuilder();
        ChatFinishReason? reason = null;

        await foreach (var update in sdk.CompleteChatStreamingAsync(messages, Options(tokens), Cancellation))
        {
            foreach (var part in update.ContentUpdate) streamed.Append(part.Text);
            reason = update.FinishReason ?? reason;
        }

        Assert.Equal(whole.Content[0].Text, streamed.ToString());
        Assert.Equal(whole.FinishReason, reason);
    }

    [Fact]
    public async Task OpenAiSdk_WrongKey_IsRefused()
    {
        var error = await Assert.ThrowsAsync<ClientResultException>(
            () => Sdk(fixture.Process, key: "wrong").CompleteChatAsync([new UserChatMessage("Hi")], Options(1), Cancellation));

        Assert.Equal(401, error.Status);
    }

    [Fact]
    public async Task Seed_Repeated_GivesTheSameText()
    {
        var first = await CompleteAsync(Seeded(7));
        var second = await CompleteAsync(Seeded(7));
        var other = await CompleteAsync(Seeded(8));

        Assert.Equal(first, second);
        Assert.NotEqual(first, other);

        // On a GPU what is left of a reused prompt is a step of another size, which rounds otherwise.
        static System.Text.Json.Nodes.JsonObject Seeded(int seed)
        {
            var body = ChatStream.Body(seed: seed);
            body["cache_prompt"] = TestLibrary.IsBatchInvariant;
            return body;
        }
    }

    [Fact]
    public async Task LongPrompt_OverTheContext_IsRefusedWithBothNumbers()
    {
        var response = await PostAsync(ChatStream.Body(prompt: LongText(20_000), stream: false));
        var error = (await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("error");

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("context_length_exceeded", error.GetProperty("code").GetString());
        Assert.Contains($"{Context}", error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Matches("2[0-9]{4}", error.GetProperty("message").GetString()!); // the prompt's own count
    }

    [Fact]
    public async Task LongPrompt_WithinTheContext_IsAnswered()
    {
        await using var server = await ServerProcess.StartAsync("--model", Checkpoints.Path("tiny"), "--parallel", "1", "--context", "30000");
        await using var stream = await ChatStream.OpenAsync(server.Http, LongText(20_000), maxTokens: 16);

        var ending = await stream.ReadToEndAsync(Cancellation);

        Assert.True(ending.PromptTokens >= 20_000, $"{ending.PromptTokens} prompt tokens");
        Assert.Equal(16, ending.CompletionTokens);
    }

    [Fact]
    public async Task Cancel_HundredStreamsMidway_LeavesNoBusySequence()
    {
        const int Streams = 100;
        await using var server = await ServerProcess.StartAsync(
            "--model", Checkpoints.Path("tiny"), "--parallel", $"{Streams}", "--context", "4096");
        using var gone = new CancellationTokenSource();
        var started = 0;
        var streams = Enumerable.Range(0, Streams).Select(async i =>
        {
            await using var stream = await ChatStream.OpenAsync(server.Http, $"Question {i}", maxTokens: 4000);
            await stream.ReadTextAsync(1, gone.Token);
            Interlocked.Increment(ref started);
            await stream.ReadToEndAsync(gone.Token);
        }).ToArray();
        await UntilAsync(() => Task.FromResult(Volatile.Read(ref started) == Streams));
        Assert.Equal(Streams, await BusyAsync(server.Http));

        var watch = Stopwatch.StartNew();
        await gone.CancelAsync();
        await UntilAsync(async () => await BusyAsync(server.Http) == 0);
        TestContext.Current.TestOutputHelper?.WriteLine($"No sequence was busy {watch.ElapsedMilliseconds} ms after the clients of {Streams} streams had left.");

        foreach (var stream in streams) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stream);
        await using var next = await ChatStream.OpenAsync(server.Http, maxTokens: 8);
        Assert.Equal(8, (await next.ReadToEndAsync(Cancellation)).CompletionTokens);
    }

    /// <summary>That each equals its serial result is asserted in <see cref="ReferenceTests"/>, where logits can be seen.</summary>
    [Fact]
    public async Task Stream_ThirtyTwoAtOnce_AllFinishWithTheTokensAskedFor()
    {
        await using var server = await ServerProcess.StartAsync("--model", Checkpoints.Path("270m"), "--parallel", "32", "--context", "512");

        var endings = await Task.WhenAll(Enumerable.Range(0, 32).Select(async i =>
        {
            await using var stream = await ChatStream.OpenAsync(server.Http, $"Question {i}: what is a river?", maxTokens: 12 + (i % 5));
            return await stream.ReadToEndAsync(Cancellation);
        }));

        Assert.All(endings, (ending, i) => Assert.Equal((true, null, "length", 12 + (i % 5)), (ending.Done, ending.Error, ending.FinishReason, ending.CompletionTokens)));
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            if (watch.Elapsed > TimeSpan.FromMinutes(5)) Assert.Fail("The state was not reached."); // a hundred streams begin slowly on a busy machine
            await Task.Delay(10, Cancellation); // polling another process; no outcome depends on the length
        }
    }

    private static async Task<int> BusyAsync(HttpClient http)
    {
        var ready = await http.GetFromJsonAsync<JsonElement>("health/ready", Cancellation);
        return ready.GetProperty("running").GetInt32() + ready.GetProperty("waiting").GetInt32();
    }

    private async Task<string> CompleteAsync(System.Text.Json.Nodes.JsonObject body)
    {
        body["stream"] = false;
        body.Remove("stream_options");
        var response = await PostAsync(body);
        response.EnsureSuccessStatusCode();
        var json = await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        return json.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;
    }

    private async Task<HttpResponseMessage> PostAsync(System.Text.Json.Nodes.JsonObject body)
    {
        using var request = Request(body);
        return await Http.SendAsync(request, Cancellation);
    }

    private static HttpRequestMessage Request(System.Text.Json.Nodes.JsonObject body)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "v1/chat/completions") { Content = JsonContent.Create(body) };
        request.Headers.Authorization = new("Bearer", "e2e-key");
        return request;
    }

    private static ChatClient Sdk(ServerProcess server, string shape = "270m", string key = "e2e-key") => new($"gemma-3-{shape}", new ApiKeyCredential(key), new OpenAIClientOptions
    {
        Endpoint = new Uri(server.Address, "v1"),
        RetryPolicy = new ClientRetryPolicy(0),
    });

    private static ChatCompletionOptions Options(int tokens) => new() { MaxOutputTokenCount = tokens, Temperature = 0 };

    // Two tokens a number, for the space does not merge with a digit in the generated vocabularies.
    private static string LongText(int tokens) => string.Join(' ', Enumerable.Range(0, tokens / 2).Select(i => (i * 7919) % 10));
}
