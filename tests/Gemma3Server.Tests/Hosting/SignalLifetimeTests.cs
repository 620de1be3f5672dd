using Gemma3Server.Engine;
using Gemma3Server.Hosting;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Gemma3Server.Tests.Hosting;

public sealed class SignalLifetimeTests
{
    private readonly HandClock _clock = new();

    [Fact(Timeout = 60_000)]
    public async Task OnSignal_Second_CutsRunningStreamsOff() =>
        Assert.EndsWith("\"code\":\"server_draining\"}}\n\n", await StopTwiceAsync(SignalLifetime.SameSignal), StringComparison.Ordinal);

    [Fact(Timeout = 60_000)]
    public async Task OnSignal_TwiceAtOnce_LetsRunningStreamsFinish() =>
        Assert.EndsWith("data: [DONE]\n\n", await StopTwiceAsync(SignalLifetime.SameSignal - TimeSpan.FromTicks(1)), StringComparison.Ordinal);

    /// <summary>Signals twice while a stream runs; returns what that stream has sent in the end.</summary>
    private async Task<string> StopTwiceAsync(TimeSpan apart)
    {
        using var held = new StepGate(2);
        await using var server = await TestServer.StartAsync(
            () => new FakeModelRuntime(new() { OnForward = held.Pass, Next = _ => FakeTokenizer.FirstByte + 'x', ContextLength = 1 << 20 }),
            new() { Http = new() { DrainTimeout = 3600 } },
            ready: true,
            services => services.AddSingleton<IHostLifetime>(
                provider => ActivatorUtilities.CreateInstance<SignalLifetime>(provider, (TimeProvider)_clock)));
        var signals = Assert.IsType<SignalLifetime>(server.Services.GetRequiredService<IHostLifetime>());
        var stopping = server.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        var running = server.PostAsync(TestServer.Chat("\"stream\":true,\"max_tokens\":8"));
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);

        signals.OnSignal();
        Assert.True(stopping.IsCancellationRequested);
        var stopped = server.StopAsync();
        await TestServer.UntilAsync(() => server.Engine.State == EngineState.Draining);
        _clock.Ticks += apart.Ticks;
        signals.OnSignal();
        held.Open();

        using var answer = await running;
        var text = await TestServer.ReadAsync(answer);
        await stopped;
        return text;
    }

    private sealed class HandClock : TimeProvider
    {
        public long Ticks { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Ticks;
    }
}
