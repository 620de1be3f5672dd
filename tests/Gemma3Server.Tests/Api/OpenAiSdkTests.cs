using System.ClientModel;
using System.Text;
using System.Text.Json;
using Gemma3Server.Tests.Support;
using OpenAI;
using OpenAI.Chat;

namespace Gemma3Server.Tests.Api;

/// <summary>The official OpenAI .NET client as a black box.</summary>
public sealed class OpenAiSdkTests
{
    [Fact]
    public async Task Complete_Whole_IsUnderstood()
    {
        await using var server = await TestServer.StartAsync("Guten Tag");
        ChatCompletion completion = await Client(server).CompleteChatAsync(
            [new SystemChatMessage("Be kind."), new UserChatMessage("Hi"), new AssistantChatMessage("Hello"), new UserChatMessage("In German?")],
            new() { Temperature = 0, MaxOutputTokenCount = 50, StopSequences = { "###" } },
            TestContext.Current.CancellationToken);
        Assert.Equal("Guten Tag", completion.Content[0].Text);
        Assert.Equal(ChatFinishReason.Stop, completion.FinishReason);
        Assert.Equal(10, completion.Usage.OutputTokenCount);
        Assert.Equal(TestServer.ModelId, completion.Model);
    }

    [Fact]
    public async Task Complete_Streamed_IsUnderstood()
    {
        await using var server = await TestServer.StartAsync("Guten Tag 🙂");
        var text = new StringBuilder();
        ChatFinishReason? reason = null;
        ChatTokenUsage? usage = null;
        await foreach (var update in Client(server).CompleteChatStreamingAsync([new UserChatMessage("Hi")], cancellationToken: TestContext.Current.CancellationToken))
        {
            foreach (var part in update.ContentUpdate) text.Append(part.Text);
            reason ??= update.FinishReason;
            usage ??= update.Usage;
        }

        Assert.Equal("Guten Tag 🙂", text.ToString());
        Assert.Equal(ChatFinishReason.Stop, reason);
        Assert.Equal(18, usage?.InputTokenCount);
    }

    [Fact]
    public async Task Complete_LogProbabilities_AreUnderstood()
    {
        await using var server = await TestServer.StartAsync("Tag é");
        ChatCompletionOptions options = new() { IncludeLogProbabilities = true, TopLogProbabilityCount = 3 };
        var result = await Client(server).CompleteChatAsync([new UserChatMessage("Hi")], options, TestContext.Current.CancellationToken);
        Assert.False(result.GetRawResponse().Headers.TryGetValue("x-ignored-params", out _));
        var tokens = result.Value.ContentTokenLogProbabilities;
        Assert.Equal("Tag é", Encoding.UTF8.GetString([.. tokens.SelectMany(token => token.Utf8Bytes!.Value.ToArray())]));
        Assert.All(tokens, token => Assert.Equal(3, token.TopLogProbabilities.Count));
        Assert.All(tokens, token => Assert.Equal(token.Token, token.TopLogProbabilities[0].Token));

        var streamed = new StringBuilder();
        await foreach (var update in Client(server).CompleteChatStreamingAsync([new UserChatMessage("Hi")], options, TestContext.Current.CancellationToken))
            foreach (var token in update.ContentTokenLogProbabilities) streamed.Append(token.Token);
        Assert.Equal(string.Concat(tokens.Select(token => token.Token)), streamed.ToString());
    }

#pragma warning disable OPENAI001, SCME0001 // the seed, and fields that the client has no name for, are experimental there
    [Fact]
    public async Task Complete_SeedAndSeveralChoices_AreUnderstood()
    {
        await using var server = await TestServer.StartAsync();
        ChatCompletionOptions options = new() { Seed = 5, MaxOutputTokenCount = 20 };
        ChatCompletion first = await Client(server).CompleteChatAsync([new UserChatMessage("Hi")], options, TestContext.Current.CancellationToken);
        options.Patch.Set("$.n"u8, 3);
        var result = await Client(server).CompleteChatAsync([new UserChatMessage("Hi")], options, TestContext.Current.CancellationToken);
        Assert.Equal(first.Content[0].Text, result.Value.Content[0].Text);
        using var body = JsonDocument.Parse(result.GetRawResponse().Content);
        Assert.Equal(3, body.RootElement.GetProperty("choices").EnumerateArray().Select(c => c.GetProperty("message").GetProperty("content").GetString()).Distinct().Count());
        Assert.NotNull(result.Value.SystemFingerprint);
    }
#pragma warning restore OPENAI001, SCME0001

    [Fact]
    public async Task Complete_Refused_ThrowsWithOurMessage()
    {
        await using var server = await TestServer.StartAsync("a");
        var exception = await Assert.ThrowsAsync<ClientResultException>(() => Client(server).CompleteChatAsync(
            [new UserChatMessage("Hi")], new() { Temperature = 9 }, TestContext.Current.CancellationToken));
        Assert.Equal(400, exception.Status);
        Assert.Contains("'temperature' must be from 0 to 2, but is 9.", exception.Message, StringComparison.Ordinal);
    }

    private static ChatClient Client(TestServer server) => new(
        TestServer.ModelId, new ApiKeyCredential("unused"), new OpenAIClientOptions { Endpoint = new Uri(server.Client.BaseAddress!, "v1") });
}
