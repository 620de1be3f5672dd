namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>Words for <see cref="SideKind"/>.</summary>
internal static class SideKinds
{
    public static string Title(this SideKind side) => side switch
    {
        SideKind.Ceiling => "ceiling",
        SideKind.On => "on",
        _ => "off",
    };
}
