using System.ClientModel;
using Gemma3Server.Tests.Support;
using Microsoft.Extensions.AI;
using OpenAI;

namespace Gemma3Server.Tests.Api;

/// <summary>Microsoft.Extensions.AI over the official client as a black box.</summary>
public sealed class ExtensionsAiTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task GetResponse_Whole_IsUnderstood()
    {
        await using var server = await TestServer.StartAsync("Guten Tag 🙂");
        using var client = Client(server);
        var response = await client.GetResponseAsync(
            [new(ChatRole.System, "Be kind."), new(ChatRole.User, "Hi"), new(ChatRole.Assistant, "Hello"), new(ChatRole.User, "In German?")],
            new()
            {
                Temperature = 0.5f,
                TopP = 0.9f,
                MaxOutputTokens = 50,
                Seed = 3,
                StopSequences = ["###"],
                FrequencyPenalty = 0.1f,
                PresencePenalty = 0.1f,
            },
            Cancellation);
        Assert.Equal("Guten Tag 🙂", response.Text);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        Assert.Equal(15, response.Usage?.OutputTokenCount);
        Assert.Equal(response.Usage?.InputTokenCount + 15, response.Usage?.TotalTokenCount);
        Assert.Equal(TestServer.ModelId, response.ModelId);
    }

    [Fact]
    public async Task GetStreamingResponse_IsUnderstood()
    {
        await using var server = await TestServer.StartAsync("Guten Tag 🙂");
        using var client = Client(server);
        var updates = await client.GetStreamingResponseAsync("Hi", cancellationToken: Cancellation).ToListAsync(Cancellation);
        var response = updates.ToChatResponse();
        Assert.True(updates.Count > 5);
        Assert.Equal("Guten Tag 🙂", response.Text);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        Assert.Equal(15, response.Usage?.OutputTokenCount);
    }

    [Fact]
    public async Task GetResponse_CutOff_HasTheReason()
    {
        await using var server = await TestServer.StartAsync("Guten Tag");
        using var client = Client(server);
        var response = await client.GetResponseAsync("Hi", new() { MaxOutputTokens = 5 }, Cancellation);
        Assert.Equal(("Guten", ChatFinishReason.Length), (response.Text, response.FinishReason));
    }

    [Fact]
    public async Task GetResponse_Refused_ThrowsWithOurMessage()
    {
        await using var server = await TestServer.StartAsync("a");
        using var client = Client(server);
        var exception = await Assert.ThrowsAsync<ClientResultException>(() => client.GetResponseAsync("Hi", new() { Temperature = 9 }, Cancellation));
        Assert.Contains("'temperature' must be from 0 to 2, but is 9.", exception.Message, StringComparison.Ordinal);
    }

    private static IChatClient Client(TestServer server) =>
        new OpenAIClient(new ApiKeyCredential("unused"), new OpenAIClientOptions { Endpoint = new Uri(server.Client.BaseAddress!, "v1") })
            .GetChatClient(TestServer.ModelId).AsIChatClient();
}
