using Microsoft.Extensions.Options;

namespace Gemma3Server.Hosting;

/// <summary>Checks the annotations of <see cref="Gemma3ServerOptions"/> and of its sections; generated, so it needs no reflection.</summary>
[OptionsValidator]
internal sealed partial class Gemma3ServerOptionsValidator : IValidateOptions<Gemma3ServerOptions>;
