/* smtpload.c - single-thread epoll SMTP load generator.
 * gcc -O2 -Wall -o smtpload smtpload.c -lssl -lcrypto
 * No hidden retries: every unit of work (a login or a message) is attempted exactly once.
 *   -h host -p port -c conc -n total -m msgs/conn -s size -a none|plain|login|cram-md5|digest-md5|scram-sha-256
 *   -u user -w pass -t none|starttls|smtps -P (pipelining) -M auth|send|idle -T idle-seconds -D deadline-seconds
 *   -f from -r rcpt -E ehlo-name -I run-id -k acklog -F (digest: username=full login, realm from challenge) -z authzid
 *   -U accounts (each login is another account: the user is a format, such as user%ld@baz.co.jp, filled with 0..accounts-1)
 *   -x code (auth mode: the reply that ends a login, 235 by default; 535 measures refusals)
 *   -W pass (plain and login: every second login has this password instead, and its reply has to be 535)
 * Latency: auth = connect() to that reply, send = MAIL to the 250 after the dot.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/md5.h>

enum { M_AUTH, M_SEND, M_IDLE };
enum { A_NONE, A_PLAIN, A_LOGIN, A_CRAM, A_DIGEST, A_SCRAM };
enum { S_CONN, S_TLS, S_GREET, S_EHLO, S_STARTTLS, S_AUTH, S_MAIL, S_RCPT, S_DATA, S_BODY, S_QUIT, S_IDLE, S_DEAD };
static const char *sname[] = {"connect","tls","greeting","ehlo","starttls","auth","mail","rcpt","data","body","quit","idle","dead"};

static char *host="127.0.0.1",*user="",*pass="",*from="shin@baz.co.jp",*rcpt="rcpt@example.net",*ehlo="load.test",*authzid="",*runid="r";
static int port=2587,conc=1,permsg=1,mode=M_SEND,mech=A_NONE,tls=0,pipel=0,idle_s=5,fullname=0; static long total=1,msize=4096; static double deadline=120;
static long accounts; static char *wrong; static int ended=235; static int ackfd=-1, ep; static SSL_CTX *ctx;
static char *body; static size_t bodylen;
static long started,ok,failed,opened,active,idle_ready,bytes_in; static double t0;
static double *lat; static long nlat;
static char first_bad[600]; static struct {int code; long n;} codes[32]; static int ncodes;
static struct sockaddr_in sa;

typedef struct { int fd,st,id,astep,counted,inmsg; SSL *ssl; int tls_on,want_w; char *ob; size_t ol,oo,oc; const char *sh; size_t shl,sho;
  char ib[16384]; size_t il; double tstart; int msgs; long seq; char cnonce[40]; char user[256]; char scram_first[256]; char srv_sig[64]; int secured; } conn;
static conn *cs;

static double now(void){struct timespec t;clock_gettime(CLOCK_MONOTONIC,&t);return t.tv_sec+t.tv_nsec/1e9;}
static void b64(const void*in,int n,char*out){EVP_EncodeBlock((unsigned char*)out,in,n);}
static int unb64(const char*in,char*out,int max){int n=strlen(in);while(n&&(in[n-1]=='\r'||in[n-1]=='\n'||in[n-1]==' '))n--;if(n%4||n*3/4>=max)return -1;int r=EVP_DecodeBlock((unsigned char*)out,(const unsigned char*)in,n);if(r<0)return -1;if(n&&in[n-1]=='=')r--;if(n>1&&in[n-2]=='=')r--;out[r]=0;return r;}
static void bad(conn*c,int code,const char*txt){ if(!first_bad[0])snprintf(first_bad,sizeof first_bad,"%s: %s",sname[c->st],txt);
  int i;for(i=0;i<ncodes;i++)if(codes[i].code==code){codes[i].n++;return;} if(ncodes<32){codes[ncodes].code=code;codes[ncodes++].n=1;} }
static void put(conn*c,const char*s,size_t n){ if(c->ol+n>c->oc){c->oc=(c->ol+n)*2+256;c->ob=realloc(c->ob,c->oc);} memcpy(c->ob+c->ol,s,n);c->ol+=n; }
static void puts_(conn*c,const char*s){put(c,s,strlen(s));}
static void start(conn*c);
static void setev(conn*c,int w){struct epoll_event e={.events=EPOLLIN|(w?EPOLLOUT:0),.data.ptr=c};epoll_ctl(ep,EPOLL_CTL_MOD,c->fd,&e);}
static void closec(conn*c,int fail){ if(c->st==S_DEAD)return;
  if(c->ssl){SSL_free(c->ssl);c->ssl=NULL;} close(c->fd);c->fd=-1;c->st=S_DEAD;active--;
  if(fail&&c->counted){failed++;c->counted=0;} else if(fail&&!c->counted&&mode==M_IDLE) failed++;
}
static void again(conn*c){ if(mode!=M_IDLE&&started<total) start(c); }
static void flush_(conn*c){
  for(;;){ const char*p;size_t n; int isb=0;
    if(c->oo<c->ol){p=c->ob+c->oo;n=c->ol-c->oo;} else if(c->sh&&c->sho<c->shl){p=c->sh+c->sho;n=c->shl-c->sho;isb=1;} else {c->ol=c->oo=0;c->sh=NULL;if(c->want_w){c->want_w=0;setev(c,0);}return;}
    ssize_t r; if(c->tls_on){ if(n>16384)n=16384; r=SSL_write(c->ssl,p,n); if(r<=0){int e=SSL_get_error(c->ssl,r); if(e==SSL_ERROR_WANT_WRITE||e==SSL_ERROR_WANT_READ){if(!c->want_w){c->want_w=1;setev(c,1);}return;} bad(c,-2,"tls write error");closec(c,1);again(c);return;} }
    else { r=send(c->fd,p,n,MSG_NOSIGNAL); if(r<0){ if(errno==EAGAIN){if(!c->want_w){c->want_w=1;setev(c,1);}return;} char b[80];snprintf(b,80,"write: %s",strerror(errno));bad(c,-2,b);closec(c,1);again(c);return;} }
    if(isb)c->sho+=r; else c->oo+=r; }
}
static void start(conn*c){
  memset(c->ib,0,1);c->il=0;c->ol=c->oo=0;c->sh=NULL;c->want_w=0;c->tls_on=0;c->ssl=NULL;c->astep=0;c->msgs=0;c->secured=0;c->inmsg=0;
  c->fd=socket(AF_INET,SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC,0); int one=1;setsockopt(c->fd,IPPROTO_TCP,TCP_NODELAY,&one,sizeof one);
  c->st=S_CONN;c->counted=(mode!=M_IDLE); if(mode!=M_IDLE){c->seq=started++;} if(accounts)snprintf(c->user,sizeof c->user,user,c->seq%accounts);else snprintf(c->user,sizeof c->user,"%s",user); c->tstart=now();active++;opened++;
  struct epoll_event e={.events=EPOLLIN|EPOLLOUT,.data.ptr=c};epoll_ctl(ep,EPOLL_CTL_ADD,c->fd,&e);c->want_w=1;
  if(connect(c->fd,(void*)&sa,sizeof sa)<0&&errno!=EINPROGRESS){char b[80];snprintf(b,80,"connect: %s",strerror(errno));bad(c,-1,b);closec(c,1);again(c);}
}
static void cmd(conn*c,int st,const char*s){ c->st=st; puts_(c,s); puts_(c,"\r\n"); flush_(c); }
static void do_ehlo(conn*c){char b[300];snprintf(b,300,"EHLO %s",ehlo);cmd(c,S_EHLO,b);}
static void tls_begin(conn*c){ c->ssl=SSL_new(ctx);SSL_set_fd(c->ssl,c->fd);SSL_set_connect_state(c->ssl);SSL_set_mode(c->ssl,SSL_MODE_ENABLE_PARTIAL_WRITE|SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);c->st=S_TLS; }
static void authed(conn*c);
static int is_wrong(conn*c){return wrong&&(c->seq&1);}
static const char*pass_of(conn*c){return is_wrong(c)?wrong:pass;}
static void do_auth(conn*c){ char b[1200],o[1600]; c->astep=0;
  switch(mech){
  case A_NONE: authed(c);return;
  case A_PLAIN:{ const char*pw=pass_of(c); int zl=strlen(authzid),ul=strlen(c->user),pl=strlen(pw); char r[900]; memcpy(r,authzid,zl);r[zl]=0;memcpy(r+zl+1,c->user,ul);r[zl+1+ul]=0;memcpy(r+zl+ul+2,pw,pl); b64(r,zl+ul+pl+2,b); snprintf(o,sizeof o,"AUTH PLAIN %s",b); cmd(c,S_AUTH,o);return;}
  case A_LOGIN: cmd(c,S_AUTH,"AUTH LOGIN");return;
  case A_CRAM: cmd(c,S_AUTH,"AUTH CRAM-MD5");return;
  case A_DIGEST: cmd(c,S_AUTH,"AUTH DIGEST-MD5");return;
  case A_SCRAM:{ unsigned char rn[18];RAND_bytes(rn,18);b64(rn,18,c->cnonce); for(char*p=c->cnonce;*p;p++)if(*p=='=')*p='A'; snprintf(c->scram_first,sizeof c->scram_first,"n=%s,r=%s",c->user,c->cnonce); char r[400];snprintf(r,400,"n,,%s",c->scram_first);b64(r,strlen(r),b);snprintf(o,sizeof o,"AUTH SCRAM-SHA-256 %s",b);cmd(c,S_AUTH,o);return;}
  }
}
static void hex(const unsigned char*d,char*o){for(int i=0;i<16;i++)sprintf(o+2*i,"%02x",d[i]);}
static void md5(const void*d,size_t n,unsigned char*o){unsigned l;EVP_Digest(d,n,o,&l,EVP_md5(),NULL);}
static void sha256(const void*d,size_t n,unsigned char*o){unsigned l;EVP_Digest(d,n,o,&l,EVP_sha256(),NULL);}
static void hm(const void*k,int kl,const void*d,size_t n,unsigned char*o){unsigned l;HMAC(EVP_sha256(),k,kl,d,n,o,&l);}
static int getp(const char*s,const char*key,char*out,int max){ int kl=strlen(key); const char*p=s; while(*p){ while(*p==','||*p==' ')p++; const char*k=p; while(*p&&*p!='=')p++; int l=p-k; if(*p)p++; char v[1024];int n=0; if(*p=='"'){p++;while(*p&&*p!='"'){if(*p=='\\'&&p[1])p++; if(n<1023)v[n++]=*p; p++;} if(*p)p++;} else while(*p&&*p!=','){if(n<1023)v[n++]=*p;p++;} v[n]=0; if(l==kl&&!strncasecmp(k,key,kl)){snprintf(out,max,"%s",v);return 1;} } return 0; }
/* salted password cache (client-side caching is what RFC 5802 allows) */
static unsigned char sp[32]; static char sp_key[300];
static int auth_step(conn*c,const char*txt){ /* txt after "334 " */ char d[4096],o[4096],b[6000]; int n;
  c->astep++;
  if(mech==A_LOGIN){ const char*v=c->astep==1?c->user:pass_of(c); b64(v,strlen(v),b); cmd(c,S_AUTH,b); return c->astep<=2; }
  if(mech==A_PLAIN) return 0;
  n=unb64(txt,d,sizeof d); if(n<0) return 0;
  if(mech==A_CRAM){ if(c->astep>1)return 0; unsigned char m[16];unsigned l;HMAC(EVP_md5(),pass,strlen(pass),(void*)d,n,m,&l);char h[40];hex(m,h);snprintf(o,sizeof o,"%s %s",c->user,h);b64(o,strlen(o),b);cmd(c,S_AUTH,b);return 1;}
  if(mech==A_DIGEST){ if(c->astep==2){ if(strncmp(d,"rspauth=",8))return 0; cmd(c,S_AUTH,"");return 1;} if(c->astep>2)return 0;
    char nonce[512],realm[256]="",u[256]; if(!getp(d,"nonce",nonce,sizeof nonce))return 0; char*at=strchr(c->user,'@'); snprintf(u,256,"%s",c->user);
    if(fullname||!at) getp(d,"realm",realm,sizeof realm); else {u[at-c->user]=0;snprintf(realm,256,"%s",at+1);}
    unsigned char rn[15];RAND_bytes(rn,15);char cn[32];b64(rn,15,cn); char uri[256];snprintf(uri,256,"smtp/%s",host);
    snprintf(o,sizeof o,"%s:%s:%s",u,realm,pass); unsigned char h1[16]; md5(o,strlen(o),h1); char a1[1024];memcpy(a1,h1,16);int l=16+sprintf(a1+16,":%s:%s",nonce,cn); if(authzid[0])l+=sprintf(a1+l,":%s",authzid);
    unsigned char m[16];char ha1[40],ha2[40],rs[40]; md5(a1,l,m);hex(m,ha1); snprintf(o,sizeof o,"AUTHENTICATE:%s",uri);md5(o,strlen(o),m);hex(m,ha2);
    snprintf(o,sizeof o,"%s:%s:00000001:%s:auth:%s",ha1,nonce,cn,ha2);md5(o,strlen(o),m);hex(m,rs);
    char z[300]="";if(authzid[0])snprintf(z,300,",authzid=\"%s\"",authzid);
    snprintf(o,sizeof o,"charset=utf-8,username=\"%s\",realm=\"%s\",nonce=\"%s\",nc=00000001,cnonce=\"%s\",digest-uri=\"%s\",response=%s,qop=auth%s",u,realm,nonce,cn,uri,rs,z);
    b64(o,strlen(o),b);cmd(c,S_AUTH,b);return 1; }
  if(mech==A_SCRAM){ if(c->astep==1){ char nn[300],salt[200],it[20],sb[200]; if(!getp(d,"r",nn,300)||!getp(d,"s",salt,200)||!getp(d,"i",it,20))return 0; if(strncmp(nn,c->cnonce,strlen(c->cnonce)))return 0; int sl=unb64(salt,sb,200); if(sl<0)return 0;
      char key[300];snprintf(key,300,"%s/%s",salt,it); if(strcmp(key,sp_key)){PKCS5_PBKDF2_HMAC(pass,strlen(pass),(void*)sb,sl,atoi(it),EVP_sha256(),32,sp);strcpy(sp_key,key);}
      unsigned char ck[32],stk[32],sg[32],sk[32],ss[32];hm(sp,32,"Client Key",10,ck);sha256(ck,32,stk); char wo[400];snprintf(wo,400,"c=biws,r=%s",nn);char am[1600];snprintf(am,1600,"%s,%s,%s",c->scram_first,d,wo);
      hm(stk,32,am,strlen(am),sg);for(int i=0;i<32;i++)sg[i]^=ck[i];char p[64];b64(sg,32,p);hm(sp,32,"Server Key",10,sk);hm(sk,32,am,strlen(am),ss);b64(ss,32,c->srv_sig);
      snprintf(o,sizeof o,"%s,p=%s",wo,p);b64(o,strlen(o),b);cmd(c,S_AUTH,b);return 1;}
    if(c->astep==2){char v[100];if(!getp(d,"v",v,100)||strcmp(v,c->srv_sig))return 0;cmd(c,S_AUTH,"");return 1;} return 0;}
  return 0; }
static void mail(conn*c){ char b[900]; c->tstart=now(); c->inmsg=1;
  if(pipel){snprintf(b,900,"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA",from,rcpt);} else snprintf(b,900,"MAIL FROM:<%s>",from); cmd(c,S_MAIL,b); }
static void authed(conn*c){ if(mode==M_AUTH){ if(nlat<total)lat[nlat++]=now()-c->tstart; cmd(c,S_QUIT,"QUIT"); return; }
  if(mode==M_IDLE){ c->st=S_IDLE; idle_ready++; return; } mail(c); }
static void handle(conn*c,char*txt){ int code=atoi(txt); int st=c->st; char b[900];
#define EXP(x) if(code!=(x)){bad(c,code,txt);closec(c,1);again(c);return;}
  switch(st){
  case S_GREET: EXP(220) do_ehlo(c);return;
  case S_EHLO: EXP(250) if(tls==1&&!c->secured){cmd(c,S_STARTTLS,"STARTTLS");return;} do_auth(c);return;
  case S_STARTTLS: EXP(220) c->secured=1; if(c->il){bad(c,-3,"data after 220 STARTTLS");} tls_begin(c); { int r=SSL_do_handshake(c->ssl); (void)r; } c->want_w=1;setev(c,1);return;
  case S_AUTH: if(code==334){ char*p=txt+3; if(*p==' ')p++; if(auth_step(c,p))return; bad(c,code,txt);closec(c,1);again(c);return; } if(code!=(is_wrong(c)?535:ended)){bad(c,code,txt);closec(c,1);again(c);return;} authed(c);return;
  case S_MAIL: EXP(250) if(pipel){c->st=S_RCPT;return;} snprintf(b,900,"RCPT TO:<%s>",rcpt);cmd(c,S_RCPT,b);return;
  case S_RCPT: if(code!=250&&code!=251){bad(c,code,txt);closec(c,1);again(c);return;} if(pipel){c->st=S_DATA;return;} cmd(c,S_DATA,"DATA");return;
  case S_DATA: EXP(354) c->st=S_BODY; { int n=snprintf(b,900,"From: <%s>\r\nTo: <%s>\r\nSubject: load %s %ld\r\nMessage-ID: <%s.%ld@load.test>\r\nX-Load-Id: %s-%08ld\r\nDate: Tue, 24 Nov 2026 02:00:00 +0000\r\n\r\n",from,rcpt,runid,c->seq,runid,c->seq,runid,c->seq); put(c,b,n); } c->sh=body;c->shl=bodylen;c->sho=0; flush_(c); return;
  case S_BODY: EXP(250) if(nlat<total)lat[nlat++]=now()-c->tstart; ok++; c->counted=0; c->inmsg=0; c->msgs++;
     if(ackfd>=0){ char k[64]; int n=snprintf(k,64,"%s-%08ld\n",runid,c->seq); if(write(ackfd,k,n)<0)perror("ack"); }
     if(c->msgs<permsg&&started<total){c->seq=started++;c->counted=1;mail(c);} else cmd(c,S_QUIT,"QUIT"); return;
  case S_QUIT: if(mode==M_AUTH){ if(code==221){ok++;c->counted=0;} else {bad(c,code,txt);closec(c,1);again(c);return;} } else if(code!=221) bad(c,code,txt); closec(c,0);again(c);return;
  case S_IDLE: bad(c,code,txt); return;
  default: bad(c,code,txt);closec(c,1);again(c);return; } }
static void ondata(conn*c){
  for(;;){ ssize_t r; size_t room=sizeof(c->ib)-1-c->il; if(room==0){bad(c,-4,"reply too long");closec(c,1);again(c);return;}
    if(c->tls_on){ r=SSL_read(c->ssl,c->ib+c->il,room); if(r<=0){int e=SSL_get_error(c->ssl,r); if(e==SSL_ERROR_WANT_READ||e==SSL_ERROR_WANT_WRITE)return; r=0;} }
    else { r=recv(c->fd,c->ib+c->il,room,0); if(r<0){ if(errno==EAGAIN)return; char b[80];snprintf(b,80,"read: %s",strerror(errno)); if(c->st==S_IDLE)idle_ready--; bad(c,-2,b);closec(c,1);again(c);return;} }
    if(r==0){ if(c->st==S_IDLE){idle_ready--;} bad(c,0,"EOF from server");closec(c,1);again(c);return; }
    bytes_in+=r; c->il+=r; c->ib[c->il]=0;
    /* complete replies */
    size_t p=0; for(;;){ char*nl=memchr(c->ib+p,'\n',c->il-p); if(!nl)break; size_t e=nl-c->ib; size_t len=e-p; char line[1200]; size_t cp=len<1199?len:1199; memcpy(line,c->ib+p,cp);line[cp]=0; if(cp&&line[cp-1]=='\r')line[cp-1]=0;
      p=e+1; if(cp>3&&line[3]=='-')continue;
      memmove(c->ib,c->ib+p,c->il-p);c->il-=p;p=0; int fd=c->fd; conn*cc=c; handle(c,line); if(cc->fd!=fd||cc->st==S_DEAD||cc->st==S_TLS||cc->st==S_CONN)return; }
    if(p){memmove(c->ib,c->ib+p,c->il-p);c->il-=p;}
  } }
static int cmpd(const void*a,const void*b){double x=*(double*)a,y=*(double*)b;return x<y?-1:x>y;}
static void jstr(const char*s){putchar('"');for(;*s;s++){if(*s=='"'||*s=='\\')putchar('\\');if((unsigned char)*s<32)printf("\\u%04x",*s);else putchar(*s);}putchar('"');}
static double pct(double p){ if(!nlat)return -1; long i=(long)(p*nlat); if(i>=nlat)i=nlat-1; return lat[i]*1000; }
int main(int ac,char**av){ int o; char*mn="none",*md="send",*tn="none"; signal(SIGPIPE,SIG_IGN);
  while((o=getopt(ac,av,"h:p:c:n:m:s:a:u:w:t:PM:T:D:f:r:E:I:k:Fz:U:x:W:"))!=-1)switch(o){
   case'h':host=optarg;break;case'p':port=atoi(optarg);break;case'c':conc=atoi(optarg);break;case'n':total=atol(optarg);break;case'm':permsg=atoi(optarg);break;case's':msize=atol(optarg);break;
   case'a':mn=optarg;break;case'u':user=optarg;break;case'w':pass=optarg;break;case't':tn=optarg;break;case'P':pipel=1;break;case'M':md=optarg;break;case'T':idle_s=atoi(optarg);break;case'D':deadline=atof(optarg);break;
   case'f':from=optarg;break;case'r':rcpt=optarg;break;case'E':ehlo=optarg;break;case'I':runid=optarg;break;case'k':ackfd=open(optarg,O_WRONLY|O_CREAT|O_APPEND,0644);break;case'F':fullname=1;break;case'z':authzid=optarg;break;case'U':accounts=atol(optarg);break;case'x':ended=atoi(optarg);break;case'W':wrong=optarg;break;default:return 2;}
  mech=!strcasecmp(mn,"none")?A_NONE:!strcasecmp(mn,"plain")?A_PLAIN:!strcasecmp(mn,"login")?A_LOGIN:!strcasecmp(mn,"cram-md5")?A_CRAM:!strcasecmp(mn,"digest-md5")?A_DIGEST:!strcasecmp(mn,"scram-sha-256")?A_SCRAM:-1; if(mech<0)return 2;
  mode=!strcmp(md,"auth")?M_AUTH:!strcmp(md,"idle")?M_IDLE:M_SEND; tls=!strcmp(tn,"starttls")?1:!strcmp(tn,"smtps")?2:0;
  if(strncmp(host,"127.",4)){fprintf(stderr,"loopback only\n");return 2;}
  sa.sin_family=AF_INET;sa.sin_port=htons(port);inet_pton(AF_INET,host,&sa.sin_addr);
  if(tls){ctx=SSL_CTX_new(TLS_client_method());SSL_CTX_set_verify(ctx,SSL_VERIFY_NONE,NULL);SSL_CTX_set_session_cache_mode(ctx,SSL_SESS_CACHE_OFF);}
  bodylen=msize+5;body=malloc(bodylen+80); size_t k=0; while(k+78<=(size_t)msize){memset(body+k,'a'+(k/78)%26,76);body[k+76]='\r';body[k+77]='\n';k+=78;} while(k+2<(size_t)msize)body[k++]='z'; if(k){body[k++]='\r';body[k++]='\n';} memcpy(body+k,".\r\n",3);bodylen=k+3;
  struct rlimit rl={65536,65536};setrlimit(RLIMIT_NOFILE,&rl);
  if(mode==M_IDLE)total=conc; lat=malloc(sizeof(double)*(total+1)); cs=calloc(conc,sizeof(conn)); ep=epoll_create1(0); t0=now();
  for(int i=0;i<conc;i++){cs[i].st=S_DEAD;cs[i].fd=-1;}
  for(int i=0;i<conc;i++){ if(mode==M_IDLE||started<total) start(&cs[i]); }
  double idle_t=0; int rep=0; struct epoll_event ev[256]; int timedout=0;
  while(active>0){ int n=epoll_wait(ep,ev,256,100); double t=now();
    if(t-t0>deadline){timedout=1;break;}
    if(mode==M_IDLE){ if(!rep&&idle_ready+failed>=conc){rep=1;idle_t=t;fprintf(stderr,"READY %ld\n",idle_ready);fflush(stderr);} if(rep&&t-idle_t>idle_s)break; }
    for(int i=0;i<n;i++){ conn*c=ev[i].data.ptr; if(c->st==S_DEAD)continue;
      if(c->st==S_CONN){ int er=0;socklen_t l=sizeof er;getsockopt(c->fd,SOL_SOCKET,SO_ERROR,&er,&l); if(er){char b[80];snprintf(b,80,"connect: %s",strerror(er));bad(c,-1,b);closec(c,1);again(c);continue;} if(!(ev[i].events&EPOLLOUT))continue; if(tls==2){tls_begin(c);c->secured=1;} else {c->st=S_GREET;c->want_w=0;setev(c,0);continue;} }
      if(c->st==S_TLS){ int r=SSL_do_handshake(c->ssl); if(r==1){c->tls_on=1;c->want_w=0;setev(c,0); if(tls==2)c->st=S_GREET; else do_ehlo(c); if(c->st!=S_DEAD)ondata(c);} else {int e=SSL_get_error(c->ssl,r); if(e==SSL_ERROR_WANT_READ){c->want_w=0;setev(c,0);} else if(e==SSL_ERROR_WANT_WRITE){c->want_w=1;setev(c,1);} else {char b[200]="tls handshake: ";ERR_error_string_n(ERR_get_error(),b+15,180);bad(c,-5,b);closec(c,1);again(c);}} continue; }
      if(ev[i].events&EPOLLOUT)flush_(c); if(c->st==S_DEAD||c->st==S_CONN)continue;
      if(ev[i].events&(EPOLLIN|EPOLLHUP|EPOLLERR))ondata(c); } }
  double el=now()-t0; long unfinished=0; if(timedout)for(int i=0;i<conc;i++)if(cs[i].st!=S_DEAD&&cs[i].counted)unfinished++; 
  if(mode==M_IDLE){ok=idle_ready;el-=0;}
  qsort(lat,nlat,sizeof(double),cmpd); double sum=0;for(long i=0;i<nlat;i++)sum+=lat[i]; struct rusage ru;getrusage(RUSAGE_SELF,&ru);
  printf("{\"mode\":\"%s\",\"mech\":\"%s\",\"tls\":\"%s\",\"pipelining\":%d,\"conc\":%d,\"total\":%ld,\"per_conn\":%d,\"size\":%ld,\"ok\":%ld,\"failed\":%ld,\"unfinished\":%ld,\"notStarted\":%ld,\"conns\":%ld,\"seconds\":%.4f,\"rate\":%.2f,\"latMs\":{\"mean\":%.3f,\"p50\":%.3f,\"p95\":%.3f,\"p99\":%.3f,\"max\":%.3f},\"client_cpu_s\":%.3f,\"codes\":{",md,mn,tn,pipel,conc,total,permsg,msize,ok,failed,unfinished,mode==M_IDLE?0:total-started,opened,el,ok/el,nlat?sum/nlat*1000:-1,pct(.5),pct(.95),pct(.99),pct(1.0),ru.ru_utime.tv_sec+ru.ru_utime.tv_usec/1e6+ru.ru_stime.tv_sec+ru.ru_stime.tv_usec/1e6);
  for(int i=0;i<ncodes;i++)printf("%s\"%d\":%ld",i?",":"",codes[i].code,codes[i].n); printf("},\"firstUnexpected\":"); if(first_bad[0])jstr(first_bad);else printf("null"); printf("}\n");
  return 0; }
