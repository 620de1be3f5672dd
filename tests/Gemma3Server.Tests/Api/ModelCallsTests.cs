using Gemma3Server.Api;
using Gemma3Server.Api.OpenApi;
using Gemma3Server.Pool;
using Gemma3Server.Tests.Pool;
using Microsoft.AspNetCore.Http;

namespace Gemma3Server.Tests.Api;

public sealed class ModelCallsTests
{
    [Fact(Timeout = 60_000)]
    public async Task Open_CommentCannotBeWritten_LeavesNoRequestThatHoldsTheModel()
    {
        await using var harness = new PoolHarness();
        var directory = new ModelDirectory(new() { Model = new() { Id = "a", Path = "a.gguf" }, Models = new() { ServePulled = false } }, harness.Time);
        var context = new DefaultHttpContext();
        context.Request.ContentType = "application/json";
        context.Request.Body = new MemoryStream("""{"stream":true}"""u8.ToArray());
        context.Response.Body = new LostStream();
        context.SetEndpoint(new(null, new(GenerationRoute.Of<string>()), null));
        var opening = new ModelCalls(harness.Pool, directory, harness.Time).OpenAsync(context);
        var loading = await harness.LoadingAsync("a");
        while (!opening.IsCompleted)
        {
            harness.Time.Advance(Heartbeat.Interval);
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }

        await Assert.ThrowsAsync<IOException>(() => opening);
        loading.Load();
        await harness.UntilAsync("a", ModelState.Loaded);
        Assert.Equal(0, harness.Pool.StatusOf(harness.Model("a")).Requests);
    }

    private sealed class LostStream : MemoryStream
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => throw new IOException("lost");
    }
}
