using Gemma3Server.Planning;
using Spectre.Console;

namespace Gemma3Server.Cli.Plan;

/// <summary>Prints what fits for people: the parts of one plan, or a table of several. Where nobody watches, the table is Markdown.</summary>
internal sealed class PlanPrinter(IAnsiConsole console)
{
    private const int WidthWithoutTerminal = 400;

    public void Print(PlanReport report)
    {
        if (!console.Profile.Out.IsTerminal) console.Profile.Width = WidthWithoutTerminal;
        var devices = report.Data[0].Devices.Count;
        if (report.Data is [var model] && devices == 1) PrintParts(model, model.Devices[0]);
        else if (devices == 1) PrintModels(report);
        else if (report.Data is [var single]) PrintCards(single);
        else PrintMatrix(report);
    }

    private void PrintParts(ModelPlan model, DevicePlan plan)
    {
        console.WriteLine($"{Title(model)}, {model.Kv} KV, on {plan.Device}");
        var table = Table().AddColumn("MiB");
        if (plan.Gpu is not null) table.AddColumn(new TableColumn("GPU").RightAligned());
        table.AddColumn(new TableColumn("host").RightAligned());
        foreach (var ((name, host), (_, gpu)) in plan.Host.Parts().Zip((plan.Gpu ?? plan.Host).Parts())) Row(name, gpu, host);
        Row("free", plan.Gpu?.Free, plan.Host.Free);
        console.Write(table);
        console.WriteLine(plan.Fits
            ? $"Fits: {Users(plan.Users)} with {plan.ContextLength} tokens each{Layers(plan)}."
            : $"Does not fit: {plan.Shortage}");
        console.WriteLine($"Largest context for {Users(plan.Users)}: {plan.LargestContext}. Most users with {plan.MostUsersContext} tokens each: {plan.MostUsers}.");
        console.WriteLine(Speed(plan));

        void Row(string name, long? gpu, long? host)
        {
            string[] cells = plan.Gpu is null ? [name, Cell(host)] : [name, Cell(gpu), Cell(host)];
            table.AddRow(cells);
        }
    }

    private void PrintModels(PlanReport report)
    {
        var first = report.Data[0].Devices[0];
        console.WriteLine($"{first.Device}, {report.Data[0].Kv} KV");
        var table = Table().AddColumns("model", "users x context", "largest context", "most users", "layers on the GPU", "GPU MiB", "host MiB", "tokens/s at most");
        foreach (var model in report.Data) Row(table, Title(model), model.Devices[0]);
        console.Write(table);
        Explain(report);
    }

    private void PrintCards(ModelPlan model)
    {
        console.WriteLine($"{Title(model)}, {model.Kv} KV");
        var table = Table().AddColumns("device", "users x context", "largest context", "most users", "layers on the GPU", "GPU MiB", "host MiB", "tokens/s at most");
        foreach (var plan in model.Devices) Row(table, plan.Device, plan);
        console.Write(table);
        Explain(new([model]));
    }

    private void PrintMatrix(PlanReport report)
    {
        var table = Table().AddColumn("");
        foreach (var plan in report.Data[0].Devices) table.AddColumn(plan.Device.Replace(" GPU", "", StringComparison.Ordinal));
        foreach (var model in report.Data)
        {
            table.AddRow([Title(model), .. model.Devices.Select(plan => !plan.Fits
                ? "-"
                : plan.GpuLayers == plan.Layers
                    ? $"{plan.Users} x {PlanText.Tokens(plan.LargestContext)}; {plan.MostUsers}"
                    : $"{plan.GpuLayers}/{plan.Layers} layers, {Times(plan)}")]);
        }

        console.Write(table);
        var sample = report.Data[0].Devices[0];
        console.WriteLine($"users x largest context of each; most users with {PlanText.Tokens(sample.MostUsersContext)} tokens each. Where not all fits, the layers on the GPU, and how much slower a token is than with all on it.");
        Explain(report);
    }

    private static void Row(Table table, string name, DevicePlan plan) => table.AddRow(
        name, plan.Fits ? $"{plan.Users} x {PlanText.Tokens(plan.ContextLength)}" : "-", plan.LargestContext == 0 ? "-" : PlanText.Tokens(plan.LargestContext),
        plan.MostUsers == 0 ? "-" : $"{plan.MostUsers} x {PlanText.Tokens(plan.MostUsersContext)}",
        plan.Gpu is null ? "-" : $"{plan.GpuLayers}/{plan.Layers}" + (plan.GpuLayers == plan.Layers ? "" : $", {Times(plan)}"),
        Cell(plan.Gpu?.Total), Cell(plan.Host.Total), PlanText.Number(plan.MostTokensPerSecond));

    private void Explain(PlanReport report)
    {
        var plans = report.Data[0].Devices;
        var gpus = string.Join(", ", plans.Where(plan => plan.GpuBandwidth is not null).Select(plan => $"{PlanText.Number(plan.GpuBandwidth!.Value)}{(plans.Count > 1 ? $" ({plan.Device.Replace(" GPU", "", StringComparison.Ordinal)})" : "")}"));
        console.WriteLine(
            $"Speed is bounded by what the memories give: {(gpus.Length > 0 ? $"GPU {gpus}, " : "")}host {PlanText.Number(plans[0].HostBandwidth)} GB/s; --gpu-bandwidth and --ram-bandwidth say otherwise.");
    }

    private static string Speed(DevicePlan plan) =>
        $"One stream gets at most {PlanText.Number(plan.MostTokensPerSecond)} tokens a second, with "
        + (plan.GpuBandwidth is { } gpu ? $"{PlanText.Number(gpu)} GB/s on the GPU and " : "") + $"{PlanText.Number(plan.HostBandwidth)} GB/s on the host (--gpu-bandwidth and --ram-bandwidth say otherwise).";

    private static string Layers(DevicePlan plan) => plan.Gpu is null ? "" : plan.GpuLayers == plan.Layers
        ? ", all layers on the GPU"
        : $", {plan.GpuLayers} of {plan.Layers} layers on the GPU and the rest on the host's processor: {Times(plan)} than with all on the GPU";

    private static string Times(DevicePlan plan) => $"{PlanText.Number(plan.Slowdown)} times slower";

    private static string Title(ModelPlan model) => model.Model + (model.Source is null ? "" : $" ({model.Source})");

    private static string Users(int users) => users == 1 ? "1 user" : $"{users} users";

    private static string Cell(long? bytes) => bytes is { } value ? PlanText.Mebibytes(value) : "-";

    private Table Table() => new Table().Border(console.Profile.Out.IsTerminal ? TableBorder.Simple : TableBorder.Markdown);
}
