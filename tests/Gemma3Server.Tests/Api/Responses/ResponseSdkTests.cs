using System.ClientModel;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;
using OpenAI.Responses;

namespace Gemma3Server.Tests.Api.Responses;

#pragma warning disable OPENAI001 // the client calls its own Responses API experimental

/// <summary>The Responses client of the official OpenAI .NET SDK as a black box.</summary>
public sealed class ResponseSdkTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Create_WholeThenContinued_IsUnderstood()
    {
        await using var server = await TestServer.StartAsync("Guten Tag");
        var client = Client(server);
        var options = new CreateResponseOptions(TestServer.ModelId, [ResponseItem.CreateUserMessageItem("Hi")])
        {
            Instructions = "Be kind.",
            Temperature = 0.5f,
            MaxOutputTokenCount = 50,
            Metadata = { ["a"] = "b" },
        };
        ResponseResult first = await client.CreateResponseAsync(options, Cancellation);
        Assert.Equal((ResponseStatus.Completed, "Guten Tag", TestServer.ModelId), (first.Status, first.GetOutputText(), first.Model));
        Assert.Equal((10, 0), (first.Usage.OutputTokenCount, first.Usage.OutputTokenDetails.ReasoningTokenCount));
        Assert.Equal("b", first.Metadata["a"]);
        Assert.Equal(0.5f, first.Temperature);

        ResponseResult second = await client.CreateResponseAsync(TestServer.ModelId, "And now?", first.Id, Cancellation);
        Assert.Equal(first.Id, second.PreviousResponseId);
        Assert.True(second.Usage.InputTokenCount > first.Usage.InputTokenCount);

        ResponseResult again = await client.GetResponseAsync(second.Id, Cancellation);
        Assert.Equal(second.GetOutputText(), again.GetOutputText());
        var items = new List<ResponseItem>();
        await foreach (var item in client.GetResponseInputItemsAsync(second.Id, Cancellation)) items.Add(item);
        Assert.Equal("And now?", Assert.IsAssignableFrom<MessageResponseItem>(Assert.Single(items)).Content[0].Text);
        ResponseDeletionResult deleted = await client.DeleteResponseAsync(second.Id, Cancellation);
        Assert.True(deleted.Deleted);
        await Assert.ThrowsAsync<ClientResultException>(() => client.GetResponseAsync(second.Id, Cancellation));
    }

    [Fact]
    public async Task Create_Streamed_IsUnderstood()
    {
        await using var server = await TestServer.StartAsync("Guten Tag 🙂");
        var (text, numbers) = ("", new List<int>());
        ResponseResult? completed = null;
        await foreach (var update in await Client(server).CreateResponseStreamingAsync(TestServer.ModelId, "Hi", null, Cancellation))
        {
            numbers.Add(update.SequenceNumber);
            if (update is StreamingResponseOutputTextDeltaUpdate delta) text += delta.Delta;
            if (update is StreamingResponseCompletedUpdate end) completed = end.Response;
        }

        Assert.Equal("Guten Tag 🙂", text);
        Assert.Equal(text, completed?.GetOutputText());
        Assert.Equal(Enumerable.Range(0, numbers.Count), numbers);
    }

    [Fact(Timeout = 60_000)]
    public async Task Create_InTheBackground_IsFollowedAndCancelled()
    {
        using var held = new StepGate(4);
        await using var server = await TestServer.StartAsync(
            new FakeRuntimeOptions { OnForward = held.Pass, Next = _ => FakeTokenizer.FirstByte + 'x' });
        var client = Client(server);
        var options = new CreateResponseOptions(TestServer.ModelId, [ResponseItem.CreateUserMessageItem("Hi")]) { BackgroundModeEnabled = true };
        ResponseResult queued = await client.CreateResponseAsync(options, Cancellation);
        Assert.Equal(ResponseStatus.Queued, queued.Status);
        await held.Reached.WaitAsync(Cancellation);
        var follow = new GetResponseOptions(queued.Id) { StreamingEnabled = true, StartingAfter = 1 };
        var seen = new List<Type>();
        await foreach (var update in await client.GetResponseStreamingAsync(follow, Cancellation))
        {
            seen.Add(update.GetType());
            if (update is not StreamingResponseOutputTextDeltaUpdate) continue;
            ResponseResult cancelled = await client.CancelResponseAsync(queued.Id, Cancellation);
            Assert.Equal(ResponseStatus.Cancelled, cancelled.Status);
            held.Open();
        }

        Assert.Equal([typeof(StreamingResponseInProgressUpdate), typeof(StreamingResponseOutputItemAddedUpdate), typeof(StreamingResponseContentPartAddedUpdate)], seen[..3]);
        Assert.DoesNotContain(typeof(StreamingResponseCompletedUpdate), seen);
    }

    [Fact]
    public async Task Create_FailsMidStream_TellsErrorAndFailed()
    {
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions
        {
            OnForward = step => step < 3 ? ForwardStatus.Ok : ForwardStatus.Failed,
            Next = _ => FakeTokenizer.FirstByte + 'x',
        });
        var last = new List<StreamingResponseUpdate>();
        await foreach (var update in await Client(server).CreateResponseStreamingAsync(TestServer.ModelId, "Hi", null, Cancellation)) last.Add(update);
        Assert.Equal("server_error", Assert.IsType<StreamingResponseErrorUpdate>(last[^2]).Code);
        Assert.Equal(ResponseStatus.Failed, Assert.IsType<StreamingResponseFailedUpdate>(last[^1]).Response.Status);
    }

    [Fact]
    public async Task Create_Refused_ThrowsWithOurMessage()
    {
        await using var server = await TestServer.StartAsync("a");
        var options = new CreateResponseOptions(TestServer.ModelId, [ResponseItem.CreateUserMessageItem("Hi")]) { Temperature = 9 };
        var exception = await Assert.ThrowsAsync<ClientResultException>(() => Client(server).CreateResponseAsync(options, Cancellation));
        Assert.Equal(400, exception.Status);
        Assert.Contains("'temperature' must be from 0 to 2, but is 9.", exception.Message, StringComparison.Ordinal);
    }

    private static ResponsesClient Client(TestServer server) =>
        new(new ApiKeyCredential("unused"), new ResponsesClientOptions { Endpoint = new Uri(server.Client.BaseAddress!, "v1") });
}
