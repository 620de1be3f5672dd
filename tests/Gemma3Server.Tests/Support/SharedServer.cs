namespace Gemma3Server.Tests.Support;

/// <summary>One server for all cases of a table; it has a context of 64 tokens and answers "ok".</summary>
public sealed class SharedServer : IAsyncLifetime
{
    internal TestServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await TestServer.StartAsync(
        new Gemma3Server.Testing.FakeRuntimeOptions { ContextLength = 64, Next = ScriptedReply.Of("ok") },
        new() { Http = new() { MaxBodyBytes = 4096 } });

    public async ValueTask DisposeAsync()
    {
        if (Server is not null) await Server.DisposeAsync();
    }
}
