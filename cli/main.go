package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"kaquan/config"
	"kaquan/fault"
	"kaquan/i18n"
)

// Version is what the linker stamped into the binary.
type Version struct{ Number, Commit string }

func (v Version) String() string {
	if v.Commit == "" {
		return v.Number
	}
	return v.Number + " (" + v.Commit + ")"
}

// commands is the whole command line; kong reads it.
type commands struct {
	config.Config `embed:""`

	Serve       serveCommand       `cmd:"" help:"Run the server. 启动服务。"`
	Demo        demoCommand        `cmd:"" help:"Run the server and the WeChat sandbox with a sample campaign. 启动带沙箱的演示。"`
	Sandbox     sandboxCommand     `cmd:"" help:"Run only the WeChat stand-in. 只启动微信沙箱。"`
	Migrate     migrateCommand     `cmd:"" help:"Bring the database to the newest schema and stop. 升级数据库结构。"`
	Verify      verifyCommand      `cmd:"" help:"Check that campaigns and stock levels add up. 核对库存。"`
	Backup      backupCommand      `cmd:"" help:"Copy the database and its key while the server runs. 备份。"`
	Restore     restoreCommand     `cmd:"" help:"Put a copy in the place of the database; the server must be stopped. 恢复备份。"`
	Export      exportCommand      `cmd:"" help:"Write claims, users or campaigns to a file. 导出到文件。"`
	Import      importCommand      `cmd:"" help:"Bring what another system has along. 导入。"`
	Admin       adminCommand       `cmd:"" help:"Manage admin accounts. 管理后台账号。"`
	Doctor      doctorCommand      `cmd:"" help:"Check everything that campaigns need and say what to do; exit code 1 when something is broken. 检查各项是否正常并说明怎么修。"`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask the running server whether it is ready; exit code 0 or 1. 健康检查。"`
	Version     versionCommand     `cmd:"" help:"Print the version. 显示版本。"`
}

// Env is what a command runs with.
type Env struct {
	Version Version
	Config  *config.Config
	Log     *slog.Logger
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
}

// Main parses the arguments, runs the command until it ends or a signal arrives, and
// returns the exit code: 0 for success, 1 for a failure, 2 for wrong usage; the doctor has
// one more, see there.
func Main(version Version, args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, version, args, in, out, errOut)
}

// exited carries the code with which kong wants to end the program, after --help.
type exited int

func run(ctx context.Context, version Version, args []string, in io.Reader, out, errOut io.Writer) (code int) {
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(exited)
			if !ok {
				panic(p)
			}
			code = int(e)
		}
	}()
	var c commands
	parser, err := kong.New(&c,
		kong.Name("kaquan"),
		kong.Description("卡券 Kaquan: WeChat card campaigns, self-hosted. 自托管的微信卡券活动管理。"),
		kong.Writers(out, errOut),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.UsageOnError(),
		kong.Vars{"sandbox_appid": sandboxAppID, "sandbox_mini_appid": sandboxMiniAppID},
	)
	if err != nil {
		fmt.Fprintln(errOut, "kaquan:", err)
		return 2
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(errOut, "kaquan:", err)
		return 2
	}
	env := &Env{Version: version, Config: &c.Config, Log: c.Logger(errOut), In: in, Out: out, Err: errOut}
	parsed.BindTo(ctx, (*context.Context)(nil))
	err = parsed.Run(env)
	if e := ended(0); errors.As(err, &e) {
		return int(e)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(errOut, "kaquan:", explain(ctx, err))
		return 1
	}
	return 0
}

// explain is an error in words: errors made for people are sentences, in Chinese where
// the terminal speaks it.
func explain(ctx context.Context, err error) string {
	all := fault.All(err)
	if len(all) == 0 {
		return err.Error()
	}
	ctx = terminal(ctx)
	var sentences []string
	for _, e := range all {
		sentences = append(sentences, i18n.TArgs(ctx, e.Key, e.Args))
	}
	return strings.Join(sentences, " ")
}
