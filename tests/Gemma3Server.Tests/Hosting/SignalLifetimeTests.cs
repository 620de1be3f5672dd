using Gemma3Server.Engine;
using Gemma3Server.Hosting;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Gemma3Server.Tests.Hosting;

public sealed class SignalLifetimeTests
{
    [Fact(Timeout = 60_000)]
    public async Task OnSignal_Second_CutsRunningStreamsOff()
    {
        using var held = new StepGate(2);
        await using var server = await TestServer.StartAsync(
            new FakeRuntimeOptions { OnForward = held.Pass, Next = _ => FakeTokenizer.FirstByte + 'x', ContextLength = 1 << 20 },
            new() { Http = new() { DrainTimeout = 3600 } });
        var signals = Assert.IsType<SignalLifetime>(server.Services.GetRequiredService<IHostLifetime>());
        var stopping = server.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        var running = server.PostAsync(TestServer.Chat("\"stream\":true"));
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);

        signals.OnSignal();
        Assert.True(stopping.IsCancellationRequested);
        var stopped = server.StopAsync();
        await TestServer.UntilAsync(() => server.Engine.State == EngineState.Draining);
        signals.OnSignal();
        held.Open();

        using var answer = await running;
        Assert.EndsWith("\"code\":\"server_draining\"}}\n\n", await TestServer.ReadAsync(answer), StringComparison.Ordinal);
        await stopped;
    }
}
