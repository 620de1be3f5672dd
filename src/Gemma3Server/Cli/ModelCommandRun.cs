using Gemma3Server.Engine;
using Gemma3Server.Hosting;
using Gemma3Server.Pool;
using Gemma3Server.Runtime;

namespace Gemma3Server.Cli;

/// <summary>What the commands beside <c>serve</c> share: quiet settings, checked at once, and failures as one line each.</summary>
internal static class ModelCommandRun
{
    /// <summary>
    /// Their own output is what the user came for, so the log shows warnings only unless asked. What fails in the engine or in a load reaches the command
    /// as an error and is said by it, once.
    /// </summary>
    public static IEnumerable<KeyValuePair<string, string?>> Quiet { get; } =
    [
        new("Serilog:MinimumLevel:Default", "Warning"),
        new($"Serilog:MinimumLevel:Override:{typeof(InferenceEngine).FullName}", "Fatal"),
        new($"Serilog:MinimumLevel:Override:{typeof(ModelPool).FullName}", "Fatal"),
    ];

    /// <summary>Checks the settings and runs <paramref name="action"/>; returns the exit code.</summary>
    /// <param name="configuration">The settings.</param>
    /// <param name="needsModel">Whether a model file must be given.</param>
    /// <param name="error">Where faults go.</param>
    /// <param name="action">The command's work.</param>
    /// <param name="orEmbedded">Whether the built-in model does where none is given.</param>
    public static async Task<int> RunAsync(
        IConfiguration configuration, bool needsModel, TextWriter error, Func<Gemma3ServerOptions, Task<int>> action, bool orEmbedded = true)
    {
        var (options, faults) = SettingsReader.Read(configuration);
        foreach (var fault in faults) await error.WriteLineAsync(fault);
        if (faults.Count > 0) return ExitCode.WrongUsage;
        string? unnamed = null;
        if (needsModel) options = NamedModel.Locate(options, out unnamed);
        var isEmbedded = false;
        if (needsModel && orEmbedded) options = EmbeddedModel.OrConfigured(options, out isEmbedded);
        if (isEmbedded) await error.WriteLineAsync(EmbeddedModel.Notice + ".");
        if (needsModel && (unnamed ?? ServerRun.FindModelFault(options.Model)) is { } missing)
        {
            await error.WriteLineAsync(missing);
            return ExitCode.CannotRun;
        }

        try
        {
            return await action(options);
        }
        catch (Exception exception) when (exception is ModelLoadException or HttpRequestException)
        {
            await error.WriteLineAsync(exception.Message);
            return ExitCode.CannotRun;
        }
        catch (CommandFault fault)
        {
            await error.WriteLineAsync(fault.Message);
            return fault.ExitCode;
        }
        catch (OperationCanceledException)
        {
            await error.WriteLineAsync("Stopped.");
            return ExitCode.CannotRun;
        }
    }

    /// <summary>A client for a server that runs elsewhere.</summary>
    public static HttpClient Connect(Uri url, string? key)
    {
        var http = new HttpClient { BaseAddress = new Uri(url.AbsoluteUri.TrimEnd('/') + "/"), Timeout = Timeout.InfiniteTimeSpan };
        if (http.BaseAddress.AbsolutePath == "/v1/") http.BaseAddress = new Uri(http.BaseAddress, "/"); // what OpenAI clients call the base URL
        if (key is not null) http.DefaultRequestHeaders.Authorization = new("Bearer", key);
        return http;
    }
}
