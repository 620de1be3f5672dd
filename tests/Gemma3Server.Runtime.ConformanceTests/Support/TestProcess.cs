using System.Diagnostics;

namespace Gemma3Server.Runtime.ConformanceTests.Support;

/// <summary>Runs one test of this assembly in a process of its own, for what would end or spoil this one.</summary>
internal static class TestProcess
{
    /// <summary>The exit code and all output of the process.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(string method, string variable, string value, CancellationToken cancellationToken)
    {
        var assembly = Path.Combine(AppContext.BaseDirectory, $"{typeof(TestProcess).Assembly.GetName().Name}.dll");
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", ["exec", assembly, "--filter-method", method])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // What the runner of this process told it is not meant for another.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("TESTINGPLATFORM_", StringComparison.Ordinal)).ToArray()) start.Environment.Remove(name);
        start.Environment[variable] = value;
        using var process = Process.Start(start)!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var error = process.StandardError.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return (process.ExitCode, await output + await error);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }
}
