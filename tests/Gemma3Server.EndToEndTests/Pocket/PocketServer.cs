namespace Gemma3Server.EndToEndTests.Pocket;

/// <summary>The server as it starts on a fresh machine: no model configured.</summary>
public sealed class PocketServer : IAsyncLifetime
{
    internal ServerProcess Process { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Process = await ServerProcess.StartAsync("--parallel", "32", "--context", "1024", "--set", "Runtime:SharedCells=false");

    public ValueTask DisposeAsync() => Process.DisposeAsync();
}
