using System.Net;
using Gemma3Server.Engine;
using Gemma3Server.Hosting;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Gemma3Server.Tests.Hosting;

/// <summary>What the host does when the engine is lost after it was ready.</summary>
public sealed class EngineServiceTests
{
    [Fact(Timeout = 60_000)]
    public async Task Engine_FailsAfterItWasReady_StopsTheHostWithOne()
    {
        await using var server = await TestServer.StartAsync("a");
        var stopping = new TaskCompletionSource();
        using var registration = server.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(stopping.SetResult);
        await server.Engine.AbandonAsync(new InvalidOperationException("lost"));
        await stopping.Task.WaitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(ExitCode.CannotRun, server.Services.GetRequiredService<ExitCode>().Value);
    }

    [Fact(Timeout = 60_000)]
    public async Task NativeFault_WhileAStreamRuns_EndsItWithAnErrorEventAndThenTheProcess()
    {
        using var held = new StepGate(2);
        var time = new ManualTime(EngineService.MostTimeToTellClients);
        var fault = new TaskCompletionSource<string>();
        var ended = new TaskCompletionSource<int>();
        await using var server = await TestServer.StartAsync(
            () => new FakeModelRuntime(new() { OnForward = held.Pass, Next = ScriptedReply.Of("never said") }), null, ready: true,
            services => services.AddSingleton<TimeProvider>(time).AddSingleton(new NativeFault(fault.Task) { EndProcess = ended.SetResult }));
        var running = server.PostAsync(TestServer.Chat("\"stream\":true"));
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);

        // The step never returns, as after a native assertion.
        var engine = server.Engine;
        fault.SetResult("GGML_ASSERT(x) failed");
        using var answer = await running;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.EndsWith("\"type\":\"server_error\",\"param\":null,\"code\":\"generation_failed\"}}\n\n",
            await TestServer.ReadAsync(answer), StringComparison.Ordinal);
        Assert.Equal(EngineState.Failed, engine.State);

        Assert.False(ended.Task.IsCompleted);
        await time.FireAsync();
        Assert.Equal(ExitCode.CannotRun, await ended.Task.WaitAsync(TestContext.Current.CancellationToken));
    }
}
