using System.Diagnostics;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Cli;

/// <summary>README's first commands go through <c>dotnet run</c>, with paths relative to where the user stands.</summary>
public sealed class DotnetRunTests
{
    [Fact]
    public async Task DotnetRun_WorkingDirectory_IsTheUsersOwn()
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, WorkingDirectory = Repository.Root };
        foreach (var argument in new[] { "msbuild", "src/Gemma3Server", "-getProperty:RunWorkingDirectory" }) start.ArgumentList.Add(argument);
        using var build = Process.Start(start)!;

        var directory = await build.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await build.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(0, build.ExitCode);
        Assert.Equal("", directory.Trim());
    }
}
