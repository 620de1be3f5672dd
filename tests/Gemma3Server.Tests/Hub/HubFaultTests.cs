using Gemma3Server.Hub;
using Gemma3Server.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace Gemma3Server.Tests.Hub;

/// <summary>Pulls from a hub that misbehaves on purpose.</summary>
public sealed class HubFaultTests
{
    private const int Bytes = 2_000_003;

    /// <summary>Connections that drop anywhere, often: every byte is fetched about once all the same.</summary>
    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public async Task Drops_AtRandomBytes_AreResumedWhereTheyWere(int seed)
    {
        await using var hub = await LocalHub.StartAsync();
        var content = hub.Add(PullBench.Repository, PullBench.File, Bytes);
        var random = new Random(seed);
        hub.Fault = _ =>
        {
            lock (random) return random.Next(3) == 0 ? null : new() { DropAfter = 1 + random.Next(100_000) };
        };
        await using var bench = new PullBench(hub, PullBench.Short with { Attempts = 30 });
        await bench.PullAsync();
        bench.AssertWhole(content);
        Assert.True(hub.Fetches.Count() > 12, "nothing was dropped");
        Assert.True(hub.Fetches.Select(request => request.Range).Distinct().Count() > 8, "ranges were fetched again from their beginning");
    }

    [Fact]
    public async Task Drops_WithoutAByte_EndInOneErrorAndKeepWhatCame()
    {
        await using var hub = await LocalHub.StartAsync();
        var content = hub.Add(PullBench.Repository, PullBench.File, Bytes);
        hub.Fault = request => request.Range > 1_000_000 ? new() { DropAfter = 0 } : null;
        await using var bench = new PullBench(hub, PullBench.Short with { Attempts = 3 });
        var fault = await bench.FailAsync();
        Assert.True(fault.Fault is HubFault.Interrupted or HubFault.NoNetwork, fault.Message); // headers may have come, or not
        Assert.DoesNotContain("secret", fault.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(bench.Path));

        hub.Fault = _ => null;
        var before = hub.Sent;
        await bench.PullAsync();
        bench.AssertWhole(content);
        Assert.True(hub.Sent - before < Bytes, "everything was fetched again");
    }

    [Fact]
    public async Task IgnoredRange_IsReadInOneGo()
    {
        await using var hub = await LocalHub.StartAsync();
        var content = hub.Add(PullBench.Repository, PullBench.File, Bytes);
        hub.Fault = _ => new() { IgnoreRange = true };
        await using var bench = new PullBench(hub);
        await bench.PullAsync();
        bench.AssertWhole(content);
        Assert.Contains(bench.Notes, note => note.Contains("does not send parts", StringComparison.Ordinal));
        Assert.Equal(Bytes, bench.Statuses.Last(status => status.Phase == PullPhase.Downloading).Bytes);
    }

    [Fact]
    public async Task IgnoredRange_AndDrops_StillEndsWhole()
    {
        await using var hub = await LocalHub.StartAsync();
        var content = hub.Add(PullBench.Repository, PullBench.File, Bytes);
        var drop = 300_000L;
        hub.Fault = _ => new() { IgnoreRange = true, DropAfter = Interlocked.Add(ref drop, 200_000) };
        await using var bench = new PullBench(hub);
        await bench.PullAsync();
        bench.AssertWhole(content);
    }

    [Fact]
    public async Task AnotherRange_IsAskedForAgain()
    {
        await using var hub = await LocalHub.StartAsync();
        var content = hub.Add(PullBench.Repository, PullBench.File, Bytes);
        var shifted = 0;
        hub.Fault = request => request.Range == 512 * 1024 && Interlocked.Increment(ref shifted) <= 2 ? new() { Shift = 10 } : null;
        await using var bench = new PullBench(hub);
        await bench.PullAsync();
        bench.AssertWhole(content);
        Assert.Equal(3, shifted);
    }

    [Fact]
    public async Task WrongBytes_AreNeverPublished()
    {
        await using var hub = await LocalHub.StartAsync();
        var content = hub.Add(PullBench.Repository, PullBench.File, Bytes);
        hub.Fault = request => new() { Corrupt = request.Range == 512 * 1024 };
        await using var bench = new PullBench(hub);
        var fault = await bench.FailAsync();
        Assert.Equal(HubFault.WrongHash, fault.Fault);
        Assert.Contains("It was removed", fault.Message, StringComparison.Ordinal);
        Assert.Empty(bench.Store.Receipts());
        Assert.Empty(bench.Store.Files(PullBench.Repository));

        hub.Fault = _ => null;
        await bench.PullAsync();
        bench.AssertWhole(content);
    }

    [Fact]
    public async Task Stall_IsGivenUpAndResumed()
    {
        await using var hub = await LocalHub.StartAsync();
        var content = hub.Add(PullBench.Repository, PullBench.File, Bytes);
        var stalls = 0;
        hub.Fault = request => request.Range is > 0 and < 600_000 && Interlocked.Increment(ref stalls) <= 2 ? new() { StallAfter = 50_000 } : null;
        await using var bench = new PullBench(hub, PullBench.Short with { Stall = TimeSpan.FromMilliseconds(400), Attempts = 20 });
        await bench.PullAsync();
        bench.AssertWhole(content);
        Assert.True(stalls >= 2);
    }

    [Fact]
    public async Task StallForEver_SaysThatNothingCame()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Add(PullBench.Repository, PullBench.File, 1000);
        hub.Fault = _ => new() { StallAfter = 0 };
        await using var bench = new PullBench(hub, PullBench.Short with { Stall = TimeSpan.FromMilliseconds(100), Attempts = 2 });
        var fault = await bench.FailAsync();
        Assert.True(fault.Fault is HubFault.Interrupted or HubFault.NoNetwork, fault.Message);
        Assert.Contains("0.1 s", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(429)]
    [InlineData(503)]
    public async Task Busy_WithRetryAfter_WaitsAsLongAsAsked(int status)
    {
        var time = new ManualTime(TimeSpan.FromSeconds(7));
        await using var hub = await LocalHub.StartAsync();
        var content = hub.Add(PullBench.Repository, PullBench.File, 1000);
        var busy = 0;
        hub.Fault = _ => Interlocked.Increment(ref busy) == 1 ? new() { Status = status, RetryAfter = "7" } : null;
        await using var bench = new PullBench(hub, time: time);
        var pull = bench.PullAsync();
        await time.FireAsync();
        await pull;
        bench.AssertWhole(content);
        Assert.Equal($"localhost answers {status}; next try in 7 s", Assert.Single(bench.Notes));
    }

    [Fact]
    public async Task Busy_LongerThanAnybodyWaits_EndsAndSaysSo()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Add(PullBench.Repository, PullBench.File, 1000);
        hub.Override = context =>
        {
            context.Response.Headers.RetryAfter = "3600";
            return Results.StatusCode(429);
        };
        await using var bench = new PullBench(hub);
        var fault = await bench.FailAsync();
        Assert.Equal(HubFault.NoNetwork, fault.Fault);
        Assert.Equal("127.0.0.1 is asked too much (429); it asks to come back in 3600 s.", fault.Message);
        Assert.Single(hub.Requests);
    }

    [Fact]
    public async Task Etag_ChangesOnce_BeginsAnew()
    {
        await using var hub = await LocalHub.StartAsync();
        var content = hub.Add(PullBench.Repository, PullBench.File, Bytes);
        var count = 0;
        hub.Fault = _ => Interlocked.Increment(ref count) <= 3 ? new() { Etag = "\"old\"", Corrupt = true } : null;
        await using var bench = new PullBench(hub, PullBench.Short with { Connections = 1 });
        await bench.PullAsync();
        bench.AssertWhole(content);
        Assert.Contains("changed on the server", Assert.Single(bench.Notes), StringComparison.Ordinal);
        Assert.Equal(Bytes, bench.Statuses.Last(status => status.Phase == PullPhase.Downloading).Bytes);
    }

    [Fact]
    public async Task Etag_ChangesAgainAndAgain_IsAnError()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Add(PullBench.Repository, PullBench.File, Bytes);
        var count = 0;
        hub.Fault = _ => new() { Etag = $"\"{Interlocked.Increment(ref count)}\"" };
        await using var bench = new PullBench(hub);
        Assert.Equal(HubFault.Changed, (await bench.FailAsync()).Fault);
    }

    [Fact]
    public async Task HubsOwnTag_Changes_IsAnError()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Add(PullBench.Repository, PullBench.File, Bytes);
        var count = 0;
        hub.Fault = _ =>
        {
            if (Interlocked.Increment(ref count) == 3) hub.ToldHash = new string('b', 64);
            return null;
        };
        await using var bench = new PullBench(hub, PullBench.Short with { Connections = 1 });
        var fault = await bench.FailAsync();
        Assert.Equal(HubFault.Changed, fault.Fault);
        Assert.Contains("became another file", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Token_GoesToTheHubAlone()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Token = "hf_very_secret";
        var content = hub.Add(PullBench.Repository, PullBench.File, Bytes);
        await using var bench = new PullBench(hub, token: hub.Token);
        await bench.PullAsync();
        bench.AssertWhole(content);
        Assert.All(hub.Requests, request => Assert.Equal(request.IsHub ? "Bearer hf_very_secret" : "", request.Authorization));
        Assert.Contains(hub.Requests, request => !request.IsHub);
        Assert.DoesNotContain(bench.Notes.Concat(bench.Statuses.Select(status => $"{status}")), text => text.Contains("secret", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(null, "is gated: accept its licence at ")]
    [InlineData("hf_other", "the account of the token (HF_TOKEN) may not download it")]
    public async Task Gated_SaysWhatToDo(string? token, string message)
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Token = "hf_good";
        hub.Add(PullBench.Repository, PullBench.File, Bytes);
        await using var bench = new PullBench(hub, token: token);
        var fault = await bench.FailAsync();
        Assert.Equal(HubFault.Gated, fault.Fault);
        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
        Assert.Contains($"{hub.Endpoint}{PullBench.Repository}", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hf_", fault.Message, StringComparison.Ordinal);
        Assert.Empty(hub.Fetches);
    }

    [Fact]
    public async Task Token_IsRevoked_SaysSo()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Override = _ => Results.StatusCode(401);
        await using var bench = new PullBench(hub, token: "hf_old");
        var fault = await bench.FailAsync();
        Assert.Equal(HubFault.Gated, fault.Fault);
        Assert.StartsWith("The hub does not accept the token of HF_TOKEN", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("owner/nothing", PullBench.File, "There is no repository owner/nothing, or it is private")]
    [InlineData(PullBench.Repository, "other.gguf", $"There is no file 'other.gguf' in {PullBench.Repository}; it has {PullBench.File}.")]
    public async Task Missing_IsNamed(string repository, string file, string message)
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Add(PullBench.Repository, PullBench.File, Bytes);
        await using var bench = new PullBench(hub);
        var fault = await bench.FailAsync(new() { Repository = repository, Items = [new(file)] });
        Assert.Equal(HubFault.NotFound, fault.Fault);
        Assert.StartsWith(message, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NoServer_SaysSo()
    {
        await using var hub = await LocalHub.StartAsync();
        var endpoint = hub.Endpoint;
        await hub.DisposeAsync();
        await using var bench = new PullBench(endpoint);
        var fault = await bench.FailAsync();
        Assert.Equal(HubFault.NoNetwork, fault.Fault);
        Assert.Equal("Cannot reach 127.0.0.1: the connection was refused.", fault.Message);
    }

    [Theory]
    [InlineData("[{\"type\":\"file\"}]")]
    [InlineData("<html>log in to the network</html>")]
    public async Task NotAHub_SaysSo(string body)
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Add(PullBench.Repository, PullBench.File, Bytes);
        hub.Override = context => context.Request.Path.StartsWithSegments("/api") ? Results.Text(body) : null;
        await using var bench = new PullBench(hub);
        var fault = await bench.FailAsync();
        Assert.Equal(HubFault.Protocol, fault.Fault);
        Assert.Contains("check HF_ENDPOINT and the proxy", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redirect_InACircle_Ends()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Override = context => Results.Redirect(context.Request.Path);
        await using var bench = new PullBench(hub);
        Assert.Equal("127.0.0.1 redirects in a circle.", (await bench.FailAsync()).Message);
    }

    [Fact]
    public async Task Redirect_OnTheHubItself_KeepsTheToken()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Token = "hf_t";
        var content = hub.Add(PullBench.Repository, PullBench.File, 1000);
        hub.Override = context => context.Request.Path.StartsWithSegments("/old/name")
            ? Results.Redirect($"/{PullBench.Repository}{context.Request.Path.Value!["/old/name".Length..]}", permanent: false, preserveMethod: true)
            : context.Request.Path.StartsWithSegments("/api/models/old/name") ? Results.Redirect($"/api/models/{PullBench.Repository}/tree/main") : null;
        await using var bench = new PullBench(hub, token: "hf_t");
        var file = Assert.Single(await bench.PullAsync(new PullRequest { Repository = "old/name", Items = [new(PullBench.File)] }));
        Assert.Equal(LocalHub.Hash(content), file.Sha256);
    }
}
