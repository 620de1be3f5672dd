using Gemma3Server.Api;
using Gemma3Server.Hosting;
using Microsoft.AspNetCore.Http;

namespace Gemma3Server.Tests.Api;

public sealed class ClientIdentityTests
{
    private const string Secret = "sk-a-secret-key";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Invoke_WithKey_NotesItsHashAndNotTheKey(bool configured)
    {
        var first = await RunAsync($"Bearer {Secret}", configured);
        Assert.Equal(32, first.Key.Length);
        Assert.DoesNotContain(Secret, first.Key, StringComparison.Ordinal);
        Assert.Equal(first, await RunAsync($"bearer  {Secret} ", configured));
    }

    [Fact]
    public async Task Invoke_OpenServer_TellsKeysApart()
    {
        Assert.NotEqual(await RunAsync("Bearer a", configured: false), await RunAsync("Bearer b", configured: false));
        Assert.Equal("", (await RunAsync(null, configured: false)).Key);
        Assert.Equal("", (await RunAsync("Basic abc", configured: false)).Key);
    }

    private static async Task<ClientIdentity> RunAsync(string? authorization, bool configured)
    {
        var context = new DefaultHttpContext();
        context.Request.Path = "/v1/models";
        if (authorization is not null) context.Request.Headers.Authorization = authorization;
        var reached = false;
        var middleware = new ApiKeyMiddleware(
            _ =>
            {
                reached = true;
                return Task.CompletedTask;
            },
            new HttpSettings { ApiKeys = configured ? [Secret] : [] });
        await middleware.InvokeAsync(context);
        Assert.True(reached);
        return ClientIdentity.Of(context);
    }
}
