using System.CommandLine;
using Gemma3Server.Catalog;
using Gemma3Server.Hosting;
using Gemma3Server.Hub;

namespace Gemma3Server.Cli.Pull;

/// <summary>What the commands about models share: checked settings, the catalog, the store, and failures as one line and an exit code each.</summary>
internal sealed class HubCommandRun
{
    private HubCommandRun(Gemma3ServerOptions options, ParseResult parsed) =>
        (Catalog, Store, Output, Error) = (new(options.Catalog), new(options.Models.Effective), parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);

    public ModelCatalog Catalog { get; }

    public ModelStore Store { get; }

    public TextWriter Output { get; }

    public TextWriter Error { get; }

    /// <summary><c>--json</c>.</summary>
    public static Option<bool> JsonOption(string description) => new("--json") { Description = description };

    /// <summary>The flags of settings that these commands have.</summary>
    public static SettingOptions AddSettings(Command command) => SettingOptions.AddTo(command, flag => flag.Key is "Models:Directory");

    /// <summary>Runs a command; returns its exit code.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="settings">The flags of <see cref="AddSettings"/>.</param>
    /// <param name="json">Whether failures are JSON lines on the output as well.</param>
    /// <param name="action">The command's work.</param>
    public static Task<int> RunAsync(ParseResult parsed, SettingOptions settings, bool json, Func<HubCommandRun, Task<int>> action)
    {
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        return ModelCommandRun.RunAsync(settings.Read(parsed, defaults: ModelCommandRun.Quiet), needsModel: false, error, async options =>
        {
            try
            {
                if (options.Models.Effective.Length == 0)
                {
                    throw new CommandFault(
                        $"There is no folder for models: set {SettingFlag.Describe("Models:Directory")}, since this user has no home directory.", ExitCode.WrongUsage);
                }

                return await action(new(options, parsed));
            }
            catch (HubException exception)
            {
                return await FailAsync(exception.Message, CodeOf(exception.Fault), $"{exception.Fault}");
            }
            catch (CommandFault fault)
            {
                return await FailAsync(fault.Message, fault.ExitCode, fault.ExitCode == ExitCode.WrongUsage ? "WrongUsage" : "Failed");
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                return await FailAsync(exception.Message.ReplaceLineEndings(" "), ExitCode.CannotRun, $"{HubFault.Storage}");
            }
        });

        async Task<int> FailAsync(string message, int code, string reason)
        {
            if (json) await output.WriteLineAsync(PullJson.Of(new PullErrorLine("error", JsonName.Of(reason), message)));
            await error.WriteLineAsync(message);
            return code;
        }
    }

    /// <summary>What a name means.</summary>
    /// <exception cref="CommandFault">Nothing.</exception>
    public ModelReference Find(string name)
    {
        if (ModelReference.Read(Catalog, name) is { } reference) return reference;
        var known = Catalog.Near(name) is { Count: > 0 } near
            ? $"; did you mean {string.Join(" or ", near)}?"
            : $"; the catalog has {string.Join(", ", Catalog.Entries.Select(entry => entry.Name))}.";
        throw new CommandFault($"There is no model '{name}'{known} Any repository of the hub is OWNER/NAME or OWNER/NAME:FILE.", ExitCode.WrongUsage);
    }

    private static int CodeOf(HubFault fault) => fault switch
    {
        HubFault.Gated => ExitCode.Gated,
        HubFault.NotFound => ExitCode.NotFound,
        HubFault.NoNetwork or HubFault.Interrupted or HubFault.Protocol or HubFault.Changed => ExitCode.NoNetwork,
        HubFault.WrongHash => ExitCode.WrongHash,
        HubFault.DiskFull => ExitCode.DiskFull,
        _ => ExitCode.CannotRun,
    };
}
